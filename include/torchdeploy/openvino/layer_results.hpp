#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openvino/core/model.hpp>
#include <openvino/op/result.hpp>

#include <torchdeploy/backend/layer_outputs.hpp>

/// The layers of an OpenVINO model that was made of TorchScript. Opt-in: needs OpenVINO.
namespace torchdeploy::inline v0::detail {

/// "layer1.0.conv1/aten::conv2d/Convolution": the front end keeps the layer and its operator, and adds its own.
struct openvino_node_name {
  std::string path, kind;

  explicit openvino_node_name(std::string const& friendly) {
    auto const kind_at = friendly.find("aten::");
    if (kind_at == friendly.npos || (kind_at != 0 && friendly[kind_at - 1] != '/')) return;
    path = friendly.substr(0, kind_at ? kind_at - 1 : 0);
    kind = friendly.substr(kind_at + 6, friendly.find('/', kind_at) - kind_at - 6);
  }
  /// As reports name it: what has no weight has the operator in its name.
  [[nodiscard]] std::string with_kind() const { return path.empty() ? kind : path + "." + kind; }
};

/// The node that does a layer's work: one for each call.
inline bool does_the_work(ov::Node const& node, std::string_view kind) {
  std::string_view const type = node.get_type_info().name;
  return type == "Convolution" || type == "GroupConvolution" || type == "ConvolutionBackpropData" ||
         type == "GroupConvolutionBackpropData" || type == "MatMul" || type == "ScaledDotProductAttention" ||
         (type == "Gather" && kind == "embedding");
}

/// What reads an output and does not just ask for its shape; nothing where there are several.
inline std::shared_ptr<ov::Node> only_reader(ov::Output<ov::Node> const& output) {
  std::shared_ptr<ov::Node> only;
  for (auto const& each : output.get_target_inputs()) {
    std::string_view const type = each.get_node()->get_type_info().name;
    if (type == "ShapeOf") continue;
    if (only) return nullptr;
    only = each.get_node()->shared_from_this();
  }
  return only;
}

/// A layer's output is behind its bias, and behind a batch norm: elsewhere that may be folded in.
inline ov::Output<ov::Node> layer_output(std::shared_ptr<ov::Node> const& node) {
  auto at = node->output(0);
  for (bool biased = false;;) {
    auto const next = only_reader(at);
    if (!next || next->get_output_size() != 1) return at;
    std::string_view const type = next->get_type_info().name;
    if (type == "BatchNormInference") return next->output(0);
    openvino_node_name const ours(node->get_friendly_name()), theirs(next->get_friendly_name());
    bool const bias = !biased && type == "Add" && theirs.path == ours.path && theirs.kind == ours.kind;
    if (!bias) return at;
    biased = true;
    at = next->output(0);
  }
}

/// A copy of the model that gives its layers' outputs as well, and which these are. Each has the name of its last node as
/// `precision`, see `shown`.
inline std::pair<std::shared_ptr<ov::Model>, std::vector<shown_layer>> with_layer_outputs(
    ov::Model const& model, std::span<std::string const> wanted) {
  auto copy = model.clone();
  std::vector<shown_layer> layers;
  std::vector<ov::Output<ov::Node>> places;
  for (auto const& each : copy->get_results()) places.push_back(each->input_value(0));
  ov::ResultVector more;
  for (auto const& node : copy->get_ordered_ops()) {
    openvino_node_name const named(node->get_friendly_name());
    if (named.kind.empty() || !does_the_work(*node, named.kind)) continue;
    bool const weightless =
        named.kind == "matmul" || named.kind == "bmm" || named.kind == "scaled_dot_product_attention";
    auto name = weightless ? named.with_kind() : named.path;
    auto const is = [&](std::string const& text) {
      return std::find(wanted.begin(), wanted.end(), text) != wanted.end();
    };
    if (!wanted.empty() && !is(name)) name = is(named.path) ? named.path : named.with_kind();
    if (name.empty() || (!wanted.empty() && !is(name))) continue;
    auto const output = layer_output(node);
    auto const known = std::find(places.begin(), places.end(), output);
    auto const index = static_cast<std::size_t>(known - places.begin());
    if (known == places.end()) {
      places.push_back(output);
      more.push_back(std::make_shared<ov::op::v0::Result>(output));
    }
    layers.push_back({.name = std::move(name),
                      .kind = named.kind,
                      .precision = output.get_node()->get_friendly_name(),
                      .output = index});
  }
  copy->add_results(more);
  return {std::move(copy), std::move(layers)};
}

/// What OpenVINO says of what it compiled; `precision` of a layer was its last node's name, which fused kernels keep.
template <class Executable>
layer_outputs<Executable> shown(tensor_model<Executable> model, std::size_t own, std::vector<shown_layer> layers) {
  auto const executed = model.executable().layers();
  for (auto& each : layers) {
    auto const node = std::exchange(each.precision, {});
    for (auto const& run : executed)
      for (std::size_t begin = 0; begin <= run.name.size();) {
        auto const end = std::min(run.name.find(',', begin), run.name.size());
        if (std::string_view(run.name).substr(begin, end - begin) == node) each.precision = run.precision;
        begin = end + 1;
      }
  }
  return {std::move(model), own, std::move(layers)};
}

}  // namespace torchdeploy::inline v0::detail
