#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <torchdeploy/core/report.hpp>
#include <torchdeploy/detail/libtorch/layers.hpp>
#include <torchdeploy/detail/libtorch/tensor_ops.hpp>
#include <torchdeploy/quantization/overrides.hpp>
#include <torchdeploy/quantization/preparation.hpp>

/// What becomes of each layer, read off the reference form: int8, or float and why.
namespace torchdeploy::inline v0::detail {

inline bool is_int8_layer(layer const& each) {
  auto const kind = std::string_view(each.kind);
  bool const has_kernel = kind.starts_with("conv") || kind == "linear";
  return has_kernel && is_dequantized(each.node->input(0)) && is_dequantized(each.node->input(1));
}

inline std::string why_float(layer const& each, bool dynamic) {
  auto const kind = std::string_view(each.kind);
  bool const convolution = kind.starts_with("conv") || kind.starts_with("_convolution");
  if (kind.starts_with("_transformer_encoder") || kind.starts_with("_native_multi_head"))
    return "a fused operator hides its linear layers: trace it with torch.backends.mha.set_fastpath_enabled(False)";
  if (kind == "lstm" || kind == "gru" || kind.starts_with("rnn_")) return "graph mode has no int8 recurrent layer";
  if (kind.starts_with("embedding")) return "a table to look up, with nothing to multiply";
  if (kind == "addmm" || kind == "mm") return "graph mode knows aten::linear, not aten::" + each.kind;
  if (convolution && dynamic) return "dynamic quantization is for linear layers: give samples for a static one";
  if ((!convolution || kind.starts_with('_')) && kind != "linear")
    return "graph mode has no int8 kernel for aten::" + each.kind;
  if (!is_dequantized(each.node->input(1))) return "its weight is computed, or lies in a loop";
  return "its input is not quantized";
}

/// Operators between layers that graph mode runs on int8 tensors, or moves int8 tensors through.
inline bool runs_on_int8(std::string_view kind) {
  static constexpr std::array known = {"add",
                                       "mul",
                                       "cat",
                                       "relu",
                                       "hardswish",
                                       "hardsigmoid",
                                       "sigmoid",
                                       "tanh",
                                       "elu",
                                       "leaky_relu",
                                       "hardtanh",
                                       "clamp",
                                       "batch_norm",
                                       "layer_norm",
                                       "group_norm",
                                       "instance_norm",
                                       "mean",
                                       "max_pool1d",
                                       "max_pool2d",
                                       "max_pool3d",
                                       "avg_pool1d",
                                       "avg_pool2d",
                                       "avg_pool3d",
                                       "adaptive_avg_pool1d",
                                       "sort",
                                       "max",
                                       "min",
                                       "dropout",
                                       "flatten",
                                       "reshape",
                                       "view",
                                       "adaptive_avg_pool2d",
                                       "transpose",
                                       "permute",
                                       "contiguous",
                                       "chunk",
                                       "squeeze",
                                       "unsqueeze",
                                       "repeat",
                                       "adaptive_avg_pool3d",
                                       "detach",
                                       "size",
                                       "dim",
                                       "len",
                                       "stack",
                                       "dequantize",
                                       "repeat_interleave"};
  return kind.starts_with("upsample_") || std::find(known.begin(), known.end(), kind) != known.end();
}

inline at::Tensor weight_of(jit::Module const& module, layer const& each) {
  auto const value = each.weight     ? std::optional(attribute_at(module, *each.weight))
                     : each.constant ? jit::toIValue(each.constant)
                                     : std::nullopt;
  return value && value->isTensor() ? value->toTensor() : at::Tensor();
}

/// One entry for each layer, then one for each operator between layers that turns int8 back into float. `graph` is the
/// settled graph of the reference form.
inline std::vector<layer_report> plan_of(jit::Module const& reference, jit::Graph& graph, bool dynamic,
                                         std::vector<exclusion> const& excluded, overrides const& wanted) {
  std::vector<layer_report> plan;
  auto const layers = layers_of(graph);
  for (auto const& each : layers) {
    auto const weight = weight_of(reference, each);
    bool const int8 = is_int8_layer(each);
    layer_report entry{.name = each.name, .kind = each.kind, .precision = int8 ? "int8" : "float32", .reason = {}};
    if (!int8) {
      auto const rule =
          std::find_if(excluded.begin(), excluded.end(), [&](exclusion const& e) { return e.applies_to(each); });
      entry.reason = wanted.in_float(each.name) ? wanted.reason(each.name)
                     : rule != excluded.end()   ? rule->reason
                                                : why_float(each, dynamic);
    }
    if (weight.defined()) {
      entry.weights = static_cast<std::uint64_t>(weight.numel());
      entry.bytes = int8 ? int8_bytes(each, weight) : weight.nbytes();
    }
    plan.push_back(std::move(entry));
  }
  if (dynamic) return plan;
  for_each_node(graph, [&](jit::Node* node) {
    auto const kind = operator_name(node);
    bool const computes = std::string_view(node->kind().ns().toUnqualString()) == "aten" && !weight_argument(kind);
    if (!computes || runs_on_int8(kind) || kind.starts_with("quantize_per")) return;
    if (node->outputs().empty() || node->output(0)->type()->kind() != c10::TypeKind::TensorType) return;
    if (!std::any_of(node->inputs().begin(), node->inputs().end(), [](jit::Value* v) { return is_dequantized(v); }))
      return;
    plan.push_back({.name = place_of(node),
                    .kind = kind,
                    .precision = "float32",
                    .reason = "graph mode has no int8 kernel for aten::" + kind});
  });
  return plan;
}

/// Operators of a reference form whose scale says that no sample reached them.
inline std::vector<std::string> unreached_places(jit::Module const& reference, jit::Graph& graph, double mark) {
  std::vector<std::string> places;
  for_each_node(graph, [&](jit::Node* node) {
    if (!operator_name(node).starts_with("quantize_per_")) return;
    auto const path = path_of(node->input(1));
    if (!path) return;
    auto const scale = attribute_at(reference, *path);
    bool const marked =
        scale.isDouble() ? scale.toDouble() == mark : scale.isTensor() && (scale.toTensor() == mark).any().item<bool>();
    if (!marked) return;
    auto const weight = path_of(node->input(0));
    places.push_back(weight ? layer_name(*weight) : place_of(node->input(0)->node()));
  });
  return places;
}

}  // namespace torchdeploy::inline v0::detail
