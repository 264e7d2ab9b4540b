#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <torchdeploy/detail/libtorch/model_graph.hpp>

namespace torchdeploy::inline v0::detail {

/// An operator with a weight, or one that does a layer's work without a stored one.
struct layer {
  jit::Node* node{};
  std::string kind;                      ///< "conv2d", "linear", "lstm", ...
  std::string name;                      ///< path of the module: "layer1.0.conv1"
  std::optional<attribute_path> weight;  ///< where the weight is an attribute
  bool int8_weight{};                    ///< in a reference form: is the weight quantized where it is used?
  jit::Value* constant{};                ///< the weight where it is a constant: in a file that was frozen
};

/// The value behind `dequantize(quantize_per_...(value))`, or the value itself.
inline jit::Value* before_quantization(jit::Value* value) {
  if (!is_operator(value->node(), "aten::dequantize")) return value;
  auto* const quantize = value->node()->input(0)->node();
  return operator_name(quantize).starts_with("quantize_per_") ? quantize->input(0) : value;
}

inline bool is_dequantized(jit::Value const* value) { return is_operator(value->node(), "aten::dequantize"); }

/// Where in the operator's arguments the weight is; nothing for operators that are no layers.
inline std::optional<std::size_t> weight_argument(std::string_view kind) {
  struct entry {
    std::string_view kind;
    std::size_t argument;
  };
  static constexpr entry table[] = {
      {"conv1d", 1},
      {"conv2d", 1},
      {"conv3d", 1},
      {"_convolution", 1},
      {"convolution", 1},
      {"_convolution_mode", 1},
      {"conv_transpose1d", 1},
      {"conv_transpose2d", 1},
      {"conv_transpose3d", 1},
      {"linear", 1},
      {"addmm", 2},
      {"matmul", 1},
      {"mm", 1},
      {"bmm", 1},
      {"baddbmm", 2},
      {"bilinear", 2},
      {"lstm", 2},
      {"gru", 2},
      {"rnn_tanh", 2},
      {"rnn_relu", 2},
      {"embedding", 0},
      {"embedding_bag", 0},
      {"_transformer_encoder_layer_fwd", 3},
      {"_native_multi_head_attention", 5},
      {"scaled_dot_product_attention", 1},
  };
  auto const* const at =
      std::find_if(std::begin(table), std::end(table), [&](entry const& e) { return e.kind == kind; });
  return at == std::end(table) ? std::nullopt : std::optional(at->argument);
}

/// The operator with the module it came from, as far as inlining tells: "encoder.gelu".
inline std::string place_of(jit::Node* node) {
  std::string place;
  if (auto const callstack = node->callstack())
    for (auto const& entry : (*callstack)->vec()) {
      auto const& instance = std::get<2>(entry);
      if (!instance || instance->instance_name().empty() || instance->instance_name() == "SELF") continue;
      place += instance->instance_name() + ".";
    }
  return place + operator_name(node);
}

/// "conv1" for `conv1.weight`.
inline std::string owner_of(attribute_path weight) {
  weight.pop_back();
  return joined(weight);
}

/// `conv1.weight` belongs to layer "conv1"; `weight1`, used by a function of the model's own, is a layer of its own name.
inline std::string layer_name(attribute_path const& weight) {
  bool const of_a_module = weight.size() > 1 && (weight.back() == "weight" || weight.back() == "_flat_weights" ||
                                                 weight.back().starts_with("weight_ih"));
  return of_a_module ? owner_of(weight) : joined(weight);
}

/// The layer that a node is; nothing for other nodes.
inline std::optional<layer> layer_at(jit::Node* node) {
  if (std::string_view(node->kind().ns().toUnqualString()) != "aten") return std::nullopt;
  auto const kind = operator_name(node);
  auto const argument = weight_argument(kind);
  if (!argument || *argument >= node->inputs().size()) return std::nullopt;
  auto* value = node->input(*argument);
  if (value->node()->kind() == c10::prim::ListConstruct && !value->node()->inputs().empty())
    value = value->node()->input(0);
  auto* source = before_quantization(value);
  if (is_operator(source->node(), "aten::t")) source = source->node()->input(0);  // addmm(bias, x, weight.t())
  auto weight = path_of(source);
  auto name = weight ? layer_name(*weight) : place_of(node);
  auto* const constant = source->node()->kind() == c10::prim::Constant ? source : nullptr;
  return layer{node, kind, std::move(name), std::move(weight), before_quantization(value) != value, constant};
}

/// Are these two nodes uses of one layer?
inline bool same_layer(layer const& a, layer const& b) {
  return a.kind == b.kind && a.weight == b.weight && a.constant == b.constant &&
         (a.weight || a.constant || a.name == b.name);
}

/// The layers of an inlined graph, in the order they run; a shared weight once, or with each use.
inline std::vector<layer> layers_of(jit::Graph& graph, bool each_use = false) {
  std::vector<layer> layers;
  for_each_node(graph, [&](jit::Node* node) {
    auto found = layer_at(node);
    if (!found) return;
    auto const known = [&](layer const& each) { return same_layer(each, *found); };
    if (each_use || std::none_of(layers.begin(), layers.end(), known)) layers.push_back(*std::move(found));
  });
  return layers;
}

/// A transposed convolution, as a script (conv_transpose2d) or a trace (_convolution) has it.
inline bool is_transposed(layer const& each) {
  if (each.kind.starts_with("conv_transpose")) return true;
  constexpr std::size_t transposed = 6;
  if ((each.kind != "_convolution" && each.kind != "convolution") || each.node->inputs().size() <= transposed)
    return false;
  auto const value = jit::toIValue(each.node->input(transposed));
  return value && value->isBool() && value->toBool();
}

/// Bytes of a weight that is quantized where it is used: one for each element, and a float scale and an int64 zero point
/// for each output channel, or for all.
inline std::uint64_t int8_bytes(layer const& each, at::Tensor const& weight) {
  auto const argument = weight_argument(each.kind);
  auto const* const quantize = each.node->input(argument.value())->node()->input(0)->node();
  bool const per_channel = operator_name(quantize) == "quantize_per_channel";
  return static_cast<std::uint64_t>(weight.numel() + (per_channel ? weight.size(0) : 1) * 12);
}

/// Layers whose weight is a matrix of learned factors: what pruning is about.
inline bool has_prunable_weight(layer const& each) {
  static constexpr std::array kinds = {"conv1d",
                                       "conv2d",
                                       "conv3d",
                                       "_convolution_mode",
                                       "_convolution",
                                       "convolution",
                                       "conv_transpose1d",
                                       "conv_transpose2d",
                                       "conv_transpose3d",
                                       "linear",
                                       "addmm",
                                       "matmul",
                                       "mm"};
  return each.weight && std::find(kinds.begin(), kinds.end(), each.kind) != kinds.end();
}

}  // namespace torchdeploy::inline v0::detail
