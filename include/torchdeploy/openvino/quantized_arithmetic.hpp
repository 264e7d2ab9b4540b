#pragma once

#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include <openvino/core/model.hpp>
#include <openvino/op/add.hpp>
#include <openvino/op/batch_norm.hpp>
#include <openvino/op/clamp.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/convolution.hpp>
#include <openvino/op/divide.hpp>
#include <openvino/op/fake_quantize.hpp>
#include <openvino/op/group_conv.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/mvn.hpp>
#include <openvino/op/relu.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/roll.hpp>
#include <openvino/op/squeeze.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/op/transpose.hpp>
#include <openvino/op/unsqueeze.hpp>
#include <openvino/op/util/multi_subgraph_base.hpp>

/// A trap of OpenVINO's CPU plugin, kept away from. Opt-in: needs OpenVINO.
namespace torchdeploy::inline v0::detail {

/// OpenVINO 2026.4 joins `x + c`, `x - c`, `x * c`, `x / c` and batch norms with a quantization behind them, and computes that
/// wrong
/// - where `c` has a number for each channel, mostly at sizes that are not all known: all channels are computed as the first,
///   and where `x` has but one, the process may die;
/// - where two such with the same numbers are quantized alike, one behind the other: the second is left out.
///
/// It does not join them where it can't see that `c` is a constant: there `c` goes through a Roll by no places. OpenVINO folds
/// no Roll, and its plugin runs that of a constant once, when the model is compiled. What belongs to a convolution, a layer's
/// matrix or a normalization is computed right, and stays.
class quantized_arithmetic {
 public:
  /// The model, or a copy that is computed right.
  static std::shared_ptr<ov::Model const> kept_right(std::shared_ptr<ov::Model const> model) {
    if (!quantizes(*model) || quantized_arithmetic(false).visit(*model) == 0) return model;
    auto copy = model->clone();
    quantized_arithmetic(true).visit(*copy);
    return copy;
  }

 private:
  explicit quantized_arithmetic(bool writes) : writes_(writes) {}

  static bool any_body(ov::Node const& node, std::function<bool(ov::Model const&)> const& holds) {
    auto const* const outer = ov::as_type<ov::op::util::MultiSubGraphOp const>(&node);
    if (!outer) return false;
    auto const& bodies = outer->get_functions();
    return std::any_of(bodies.begin(), bodies.end(), [&](auto const& body) { return holds(*body); });
  }

  static bool quantizes(ov::Model const& model) {
    auto const nodes = model.get_ops();
    return std::any_of(nodes.begin(), nodes.end(), [](auto const& node) {
      return ov::is_type<ov::op::v0::FakeQuantize>(node) || any_body(*node, quantizes);
    });
  }

  /// How many constants there are to be hidden; hides them.
  std::size_t visit(ov::Model const& model) {
    std::size_t count = 0;
    for (auto const& node : model.get_ordered_ops()) {
      any_body(*node, [&](ov::Model const& body) {
        count += visit(body);
        return false;
      });
      is_constant(*node);  // in their order, so that no question goes deep
      auto const at = node->get_output_size() == 1 && node->get_output_element_type(0).is_real() ? constant_of(*node)
                                                                                                 : std::nullopt;
      if (!at || !goes_wrong(*node, *at)) continue;
      ++count;
      if (writes_) hide(node->input(*at));
    }
    return count;
  }

  static void hide(ov::Input<ov::Node> const& input) {
    auto value = input.get_source_output();
    auto const number = [](std::vector<std::int64_t> const& values) {
      return ov::op::v0::Constant::create(ov::element::i64, ov::Shape{values.size()}, values);
    };
    if (value.get_partial_shape() == ov::PartialShape{})
      value = std::make_shared<ov::op::v1::Reshape>(value, number({1}), false);
    input.replace_source_output(std::make_shared<ov::op::v7::Roll>(value, number({0}), number({0})));
  }

  /// Which input is the constant that would be joined.
  std::optional<std::size_t> constant_of(ov::Node const& node) {
    if (ov::is_type<ov::op::v5::BatchNormInference>(&node))
      return is_constant(*node.get_input_node_ptr(1)) ? std::optional<std::size_t>(1) : std::nullopt;
    bool const divides = ov::is_type<ov::op::v1::Divide>(&node);
    if (!divides && !ov::is_type<ov::op::v1::Add>(&node) && !ov::is_type<ov::op::v1::Multiply>(&node) &&
        !ov::is_type<ov::op::v1::Subtract>(&node))
      return std::nullopt;
    for (auto const at : {std::size_t{1}, std::size_t{0}})
      if ((at == 1 || !divides) && is_constant(*node.get_input_node_ptr(at)) &&
          !is_constant(*node.get_input_node_ptr(1 - at)))
        return at;
    return std::nullopt;
  }
  static std::size_t data_beside(ov::Node const& node, std::size_t constant) {
    return ov::is_type<ov::op::v5::BatchNormInference>(&node) ? 0 : 1 - constant;
  }

  bool goes_wrong(ov::Node const& node, std::size_t at) {
    auto const data = node.input_value(data_beside(node, at));
    auto const& many = node.get_input_partial_shape(at);
    bool const by_channel = many.is_dynamic() || ov::shape_size(many.to_shape()) > 1;
    return (by_channel && !belongs_to_layer(data)) || repeats(node, data);
  }

  /// Is it what nothing else reads of a convolution, a matrix or a normalization, which take in what is behind?
  bool belongs_to_layer(ov::Output<ov::Node> data) {
    while (data.get_target_inputs().size() == 1) {
      auto const& node = *data.get_node();
      bool const matrix = ov::is_type<ov::op::v0::MatMul>(&node) && is_constant(*node.get_input_node_ptr(1));
      if (matrix || ov::is_type<ov::op::v1::Convolution>(&node) || ov::is_type<ov::op::v1::GroupConvolution>(&node) ||
          ov::is_type<ov::op::v6::MVN>(&node))
        return true;
      auto const at = constant_of(node);
      if (!at) return false;
      data = node.input_value(data_beside(node, *at));
    }
    return false;
  }

  /// Is what it makes of a quantized tensor quantized in the same way?
  bool repeats(ov::Node const& node, ov::Output<ov::Node> data) {
    while (auto const at = passes(*data.get_node())) data = data.get_node()->input_value(*at);
    auto const* const before = ov::as_type<ov::op::v0::FakeQuantize>(data.get_node());
    if (!before) return false;
    for (auto const* behind = &node; behind->get_output_size() == 1;) {
      auto const readers = behind->output(0).get_target_inputs();
      if (readers.size() != 1) return false;
      behind = readers.begin()->get_node();
      if (auto const* const quantization = ov::as_type<ov::op::v0::FakeQuantize const>(behind))
        return alike(*before, *quantization);
      if (!passes(*behind)) return false;
    }
    return false;
  }
  /// Which input an operator takes that is folded into a quantization, or moved behind it.
  std::optional<std::size_t> passes(ov::Node const& node) {
    if (auto const at = constant_of(node)) return data_beside(node, *at);
    bool const moves = ov::is_type<ov::op::v0::Relu>(&node) || ov::is_type<ov::op::v0::Convert>(&node) ||
                       ov::is_type<ov::op::v0::Clamp>(&node) || ov::is_type<ov::op::v1::Reshape>(&node) ||
                       ov::is_type<ov::op::v1::Transpose>(&node) || ov::is_type<ov::op::v0::Squeeze>(&node) ||
                       ov::is_type<ov::op::v0::Unsqueeze>(&node);
    return moves ? std::optional<std::size_t>(0) : std::nullopt;
  }
  static bool alike(ov::op::v0::FakeQuantize const& a, ov::op::v0::FakeQuantize const& b) {
    for (std::size_t const bound : {3U, 4U}) {
      auto const* const first = ov::as_type<ov::op::v0::Constant>(a.get_input_node_ptr(bound));
      auto const* const second = ov::as_type<ov::op::v0::Constant>(b.get_input_node_ptr(bound));
      if (first && second && first->cast_vector<float>() != second->cast_vector<float>()) return false;
    }
    return true;
  }

  /// Does nothing that a call decides reach it?
  bool is_constant(ov::Node const& node) {
    if (auto const known = known_.find(&node); known != known_.end()) return known->second;
    bool constant = node.get_input_size() > 0 || ov::is_type<ov::op::v0::Constant>(&node);
    for (std::size_t i = 0; constant && i < node.get_input_size(); ++i)
      constant = is_constant(*node.get_input_node_ptr(i));
    return known_[&node] = constant;
  }

  bool writes_;
  std::unordered_map<ov::Node const*, bool> known_;
};

}  // namespace torchdeploy::inline v0::detail
#endif
