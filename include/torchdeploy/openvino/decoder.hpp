#pragma once

#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openvino/frontend/pytorch/decoder.hpp>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/aliases.hpp>
#include <torchdeploy/detail/libtorch/model_graph.hpp>
#include <torchdeploy/openvino/constants.hpp>
#include <torchdeploy/openvino/layer_path.hpp>
#include <torchdeploy/openvino/types.hpp>

/// How OpenVINO's front end for PyTorch reads a graph. Opt-in: CMake's component OpenVino, or TORCHDEPLOY_WITH_OPENVINO.
namespace torchdeploy::inline v0::detail {

/// A graph and what may share memory in it.
struct decoded_graph {
  explicit decoded_graph(std::shared_ptr<jit::Graph> given) : graph(std::move(given)), aliases(graph) {}

  std::shared_ptr<jit::Graph> graph;
  jit::AliasDb aliases;
};

/// What the front end asks of a node or of a block. Values go by their unique numbers: any other name is refused where it
/// begins like one ("24.quant").
class graph_decoder : public ov::frontend::pytorch::TorchDecoder {
 public:
  graph_decoder(std::shared_ptr<decoded_graph const> graph, jit::Block* block)
      : graph_(std::move(graph)), block_(block), operator_("block") {
    read(block->inputs(), block->outputs());
  }
  graph_decoder(std::shared_ptr<decoded_graph const> graph, jit::Node* node)
      : graph_(std::move(graph)), node_(node), operator_(node->kind().toQualString()) {
    read(node->inputs(), node->outputs());
    if (auto const* const schema = node->maybeSchema()) {
      std::ostringstream text;
      text << *schema;
      schema_ = text.str();
    }
    if (node->kind() == c10::prim::device) text_ = "cpu";
    if (node->kind() != c10::prim::Constant) return;
    auto const value = jit::toIValue(node->output());
    if (value && value->isString()) text_ = value->toStringRef();
    if (value && value->isDevice()) text_ = value->toDevice().str();
  }

  jit::Node* node() const { return node_; }

  std::vector<std::size_t> const& inputs() const override { return input_ids_; }
  std::string const& get_input_debug_name(std::size_t i) const override { return input_names_.at(i); }
  std::string const& get_input_signature_name(std::size_t i) const override { return input_names_.at(i); }
  ov::PartialShape get_input_shape(std::size_t i) const override { return shape_of(*inputs_.at(i)->type()); }
  ov::Any get_input_type(std::size_t i) const override { return type_of(*inputs_.at(i)->type()); }
  std::vector<std::size_t> const& get_input_strides(std::size_t) const override { return no_strides_; }
  bool input_is_none(std::size_t i) const override {
    return i >= inputs_.size() || inputs_[i]->type()->kind() == c10::TypeKind::NoneType;
  }

  std::size_t num_of_outputs() const override { return output_ids_.size(); }
  std::vector<std::size_t> const& outputs() const override { return output_ids_; }
  std::size_t output(std::size_t i) const override { return output_ids_.at(i); }
  std::string const& get_output_debug_name(std::size_t i) const override { return output_names_.at(i); }
  ov::PartialShape get_output_shape(std::size_t i) const override { return shape_of(*outputs_.at(i)->type()); }
  ov::Any get_output_type(std::size_t i) const override { return type_of(*outputs_.at(i)->type()); }

  std::string const& get_op_type() const override { return operator_; }
  std::string const& get_schema() const override { return schema_; }
  std::string const& as_string() const override { return text_; }
  std::string const& decoder_type_name() const override { return type_name_; }

  ov::OutputVector as_constant() const override {
    auto const value = node_ && node_->kind() == c10::prim::Constant ? jit::toIValue(node_->output()) : std::nullopt;
    auto outputs = value ? constant_of(*value) : ov::OutputVector{};
    if (auto const path = outputs.empty() ? std::string() : layer_path(node_); !path.empty())
      outputs.front().get_node_shared_ptr()->set_friendly_name(path);
    return outputs;
  }

  /// "layer1.0.conv1/aten::conv2d/Convolution"
  std::shared_ptr<ov::Node> mark_node(std::shared_ptr<ov::Node> made) const override {
    auto name = node_ ? layer_path(node_) : std::string();
    name += (name.empty() ? "" : "/") + operator_;
    std::string const type = made->get_type_name();
    if (type.find("FrameworkNode") == type.npos) name += "/" + type;
    made->set_friendly_name(name);
    return made;
  }

  std::size_t get_subgraph_size() const override { return node_ ? node_->blocks().size() : 1; }
  void visit_subgraph(std::function<void(std::shared_ptr<TorchDecoder>)> visit) const override {
    for (jit::Node* each : block_->nodes()) visit(std::make_shared<graph_decoder>(graph_, each));
  }
  std::shared_ptr<TorchDecoder> get_subgraph_decoder(std::size_t i) const override {
    return std::make_shared<graph_decoder>(graph_, node_->blocks().at(i));
  }

  /// The analysis takes results of convolutions and products for aliases, which they never are.
  bool may_produce_alias(std::size_t in, std::size_t out) const override {
    static constexpr std::string_view fresh[] = {"aten::conv1d",       "aten::conv2d", "aten::conv3d",
                                                 "aten::_convolution", "aten::matmul", "aten::clone"};
    if (std::find(std::begin(fresh), std::end(fresh), operator_) != std::end(fresh)) return false;
    return graph_->aliases.mayContainAlias(inputs_.at(in), outputs_.at(out));
  }

  // what only graphs of torch.fx and modules in Python have
  bool is_input_inlined(std::size_t) const override { return false; }
  std::shared_ptr<TorchDecoder> get_inlined_input_decoder(std::size_t) const override { return nullptr; }
  ov::Any const_input(std::size_t) const override { return {}; }
  ov::Any get_attribute(std::string const&) const override { return {}; }
  std::size_t get_named_input(std::string const& name) const override { refuse("a named input '" + name + "'"); }
  std::size_t output_list_size() const override { return 0; }
  ov::frontend::pytorch::DecoderRTInfo get_rt_info() const override { return {}; }
  bool has_converter() const override { return false; }
  ov::OutputVector convert(ov::frontend::NodeContext const*) const override { refuse("a converter"); }
  ov::OutputVector try_decode_get_attr() const override { refuse("an attribute"); }

 private:
  [[noreturn]] static void refuse(std::string const& what) {
    throw backend_error(errc::conversion_failed, "expected what a TorchScript graph has, OpenVINO asks for " + what);
  }

  void read(at::ArrayRef<jit::Value*> inputs, at::ArrayRef<jit::Value*> outputs) {
    auto const add = [](auto const& from, auto& values, auto& ids, auto& names) {
      for (jit::Value* each : from) {
        values.push_back(each);
        ids.push_back(each->unique());
        names.push_back(std::to_string(each->unique()));
      }
    };
    add(inputs, inputs_, input_ids_, input_names_);
    add(outputs, outputs_, output_ids_, output_names_);
  }

  std::shared_ptr<decoded_graph const> graph_;
  jit::Node* node_ = nullptr;  // one of these two
  jit::Block* block_ = nullptr;  //
  std::string operator_, schema_, text_, type_name_ = "ts";
  std::vector<jit::Value*> inputs_, outputs_;
  std::vector<std::size_t> input_ids_, output_ids_, no_strides_;
  std::vector<std::string> input_names_, output_names_;
};

}  // namespace torchdeploy::inline v0::detail
#endif
