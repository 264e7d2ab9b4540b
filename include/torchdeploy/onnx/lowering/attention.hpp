#pragma once

#include <torchdeploy/onnx/lowering/family.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include <torchdeploy/onnx/lowering/activation.hpp>
#include <torchdeploy/onnx/lowering/linear.hpp>
#include <torchdeploy/onnx/lowering/normalization.hpp>

/// Attention, and the layers that LibTorch has as one operator.
namespace torchdeploy::inline v0::detail {

inline onnx_value last_two_swapped(onnx_builder& onnx, onnx_value x, std::int64_t rank) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(rank));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return onnx.transpose(x, order);
}

/// [L, S]: what row l may look at, the keys up to l.
inline onnx_value causal_mask(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const numbers = [&](char const* name) {
    return onnx.emit("Range",
                     {onnx.integer(0), onnx.squeeze(call.size(name, call.rank(name) - 2), {0}), onnx.integer(1)});
  };
  return onnx.emit("GreaterOrEqual", {onnx.unsqueeze(numbers("query"), {1}), numbers("key")});
}
/// Some heads share a key and a value: each again for so many.
inline onnx_value heads_repeated(onnx_call const& call, char const* name, onnx_value x) {
  auto& onnx = call.onnx;
  auto const rank = call.rank(name);
  auto const queries = call.fixed_size("query", -3 + call.rank("query")), heads = call.fixed_size(name, rank - 3),
             width = call.fixed_size(name, rank - 1);
  if (!queries || !heads || !width || *heads == 0) call.refuse("how many heads it has depends on the inputs");
  if (*queries == *heads) return x;
  std::vector<std::int64_t> repeats(static_cast<std::size_t>(rank) + 1, 1), sizes(static_cast<std::size_t>(rank), 0);
  repeats[static_cast<std::size_t>(rank) - 2] = *queries / *heads;
  sizes[sizes.size() - 3] = *queries;
  sizes[sizes.size() - 2] = -1;
  sizes[sizes.size() - 1] = *width;
  return onnx.reshape(onnx.expand(onnx.unsqueeze(x, {rank - 2}), onnx.integers(repeats)), sizes);
}

/// softmax(scale q k' + mask) v. Rows that a mask leaves nothing are 0.
inline onnx_results lower_scaled_dot_product_attention(onnx_call const& call) {
  auto& onnx = call.onnx;
  if (call.number_or("dropout_p", 0) > 0)
    call.refuse("it drops out at random", "pass dropout_p = 0.0 where the model is not in training");
  if (call.node()->outputs().size() > 1 && call.is_used(1)) call.refuse("the logarithms of its sums are asked for");
  auto const dtype = call.result_dtype();
  auto const width = call.fixed_size("query", call.rank("query") - 1);
  auto q = call.tensor("query", dtype), k = call.tensor("key", dtype), v = call.tensor("value", dtype);
  if (call.flag("enable_gqa")) {
    k = heads_repeated(call, "key", k);
    v = heads_repeated(call, "value", v);
  }
  if (!call.has("scale") && !width) call.refuse("the size of its heads depends on the inputs");
  auto const scale = call.has("scale") ? call.number("scale") : 1 / std::sqrt(static_cast<double>(*width));
  if (scale != 1) q = onnx.emit("Mul", {q, onnx.scalar(scale, dtype)});
  auto scores = onnx.emit("MatMul", {q, last_two_swapped(onnx, k, call.rank("key"))});

  bool const causal = call.flag("is_causal"), masked = call.has("attn_mask"),
             by_flags = masked && call.dtype("attn_mask") == at::kBool;
  auto const nothing = onnx.scalar(-std::numeric_limits<double>::infinity(), dtype), zero = onnx.scalar(0, dtype);
  onnx_value seen = causal ? causal_mask(call) : onnx_value{};  // what is left
  if (by_flags) {
    auto const mask = call.tensor("attn_mask");
    seen = seen ? onnx.emit("And", {seen, mask}) : mask;
  }
  if (seen) scores = onnx.emit("Where", {seen, scores, nothing});
  if (masked && !by_flags) scores = onnx.emit("Add", {scores, call.tensor("attn_mask", dtype)});
  auto weights = onnx.emit("Softmax", {scores}, {{"axis", std::int64_t{-1}}});

  bool const keeps_some = masked && call.is_constant("attn_mask") && !causal && call.rank("attn_mask") > 0 && [&] {
    auto const& mask = call.shown("attn_mask");
    auto const left = by_flags ? mask : mask.ne(-std::numeric_limits<double>::infinity());
    return left.any(-1).all().item().toBool();
  }();
  if (by_flags && !keeps_some) weights = onnx.emit("Where", {seen, weights, zero});
  if (masked && !by_flags && !keeps_some) {
    // of the mask alone, that is once for all layers that share it
    auto const mask = call.tensor("attn_mask", dtype);
    auto all = causal ? onnx.emit("Where", {seen, mask, nothing}) : mask;
    if (call.rank("attn_mask") > 0) all = onnx.reduce("ReduceMax", all, {-1}, true);
    weights = onnx.emit("Where", {onnx.emit("Equal", {all, nothing}), zero, weights});
  }
  return {onnx.emit("MatMul", {weights, v})};
}

// --- layers as one operator --------------------------------------------------------------------------------------------
/// What a layer of attention is made of; tensors are [batch, length, width].
struct onnx_heads {
  std::int64_t heads = 1, width = 0;
  onnx_value weight{}, bias{};  ///< of queries, keys and values, one after the other
  onnx_value projection{}, projection_bias{};
  onnx_value mask{};  ///< what is left out, ready to be broadcast to [batch, heads, length, length]
};
struct onnx_attended {
  onnx_value result, weights;
};
inline onnx_attended write_heads(onnx_builder& onnx, onnx_heads const& how, onnx_value query, onnx_value key,
                                 onnx_value value, at::ScalarType dtype) {
  std::vector<onnx_value> parts;
  std::vector<std::int64_t> const sizes(3, how.width);
  constexpr std::int64_t rank = 3;
  if (query == key && key == value) {
    auto const all = write_linear(onnx, query, rank, how.weight, how.bias, dtype);
    parts = onnx.emit_many("Split", {all, onnx.integers(sizes)}, 3, {{"axis", std::int64_t{2}}});
  } else {
    auto const third = [&](onnx_value x, std::int64_t i) {
      if (auto const known = onnx.constant_of(x)) return onnx.constant(known->narrow(0, i * how.width, how.width));
      return onnx.slice(x, 0, onnx.integers({i * how.width}), onnx.integers({(i + 1) * how.width}));
    };
    std::int64_t i = 0;
    for (auto const each : {query, key, value}) {
      parts.push_back(write_linear(onnx, each, rank, third(how.weight, i), third(how.bias, i), dtype));
      ++i;
    }
  }
  auto const of_heads = [&](onnx_value x, std::vector<std::int64_t> const& order) {
    return onnx.transpose(onnx.reshape(x, {0, 0, how.heads, how.width / how.heads}), order);
  };
  auto const scale = 1 / std::sqrt(static_cast<double>(how.width / how.heads));
  auto const q = of_heads(onnx.emit("Mul", {parts[0], onnx.scalar(scale, dtype)}), {0, 2, 1, 3});
  auto scores = onnx.emit("MatMul", {q, of_heads(parts[1], {0, 2, 3, 1})});
  if (how.mask)
    scores = onnx.emit("Where", {how.mask, onnx.scalar(-std::numeric_limits<double>::infinity(), dtype), scores});
  auto const weights = onnx.emit("Softmax", {scores}, {{"axis", std::int64_t{-1}}});
  auto const rows = onnx.transpose(onnx.emit("MatMul", {weights, of_heads(parts[2], {0, 2, 1, 3})}), {0, 2, 1, 3});
  auto const joined = onnx.reshape(rows, {0, 0, how.width});
  return {write_linear(onnx, joined, rank, how.projection, how.projection_bias, dtype), weights};
}

/// True leaves out. mask_type 0: [length, length]; 1: [batch, length], of keys; 2: [batch, heads, length, length].
inline onnx_heads heads_of(onnx_call const& call, char const* heads, at::ScalarType dtype) {
  if (call.shown(0).is_nested()) call.refuse("its input is nested");
  onnx_heads how{.heads = call.integer(heads),
                 .width = call.integer("embed_dim"),
                 .weight = call.tensor("qkv_weight", dtype),
                 .bias = call.tensor("qkv_bias", dtype),
                 .projection = call.tensor("proj_weight", dtype),
                 .projection_bias = call.tensor("proj_bias", dtype)};
  if (!call.has("mask")) return how;
  how.mask = call.tensor("mask", at::kBool);
  if (call.rank("mask") == 2 && call.integer("mask_type") == 1) how.mask = call.onnx.unsqueeze(how.mask, {1, 2});
  return how;
}
inline onnx_results lower_native_multi_head_attention(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const made = write_heads(onnx, heads_of(call, "num_head", dtype), call.tensor("query", dtype),
                                call.tensor("key", dtype), call.tensor("value", dtype), dtype);
  auto const result = onnx.cast(made.result, dtype, call.result_dtype());
  if (!call.flag("need_weights")) return {result};
  auto const weights =
      call.flag("average_attn_weights") ? onnx.reduce("ReduceMean", made.weights, {1}, false) : made.weights;
  return {result, onnx.cast(weights, dtype, call.result_dtype(1))};
}

/// What nn.TransformerEncoderLayer is in eval mode, where it is fast. Source: aten/src/ATen/native/transformers/transformer.cpp
inline onnx_results lower_transformer_encoder_layer(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const how = heads_of(call, "num_heads", dtype);
  auto const epsilon = call.number("eps");
  constexpr std::int64_t rank = 3;
  auto const norm = [&](onnx_value x, char const* weight, char const* bias) {
    return write_layer_norm(onnx, x, {how.width}, call.tensor(weight, dtype), call.tensor(bias, dtype), epsilon, dtype);
  };
  auto const first = [&](onnx_value x) { return norm(x, "norm_weight_1", "norm_bias_1"); };
  auto const second = [&](onnx_value x) { return norm(x, "norm_weight_2", "norm_bias_2"); };
  auto const attended = [&](onnx_value x) { return write_heads(onnx, how, x, x, x, dtype).result; };
  auto const fed_forward = [&](onnx_value x) {
    auto const hidden =
        write_linear(onnx, x, rank, call.tensor("ffn_weight_1", dtype), call.tensor("ffn_bias_1", dtype), dtype);
    auto const active = call.flag("use_gelu") ? write_gelu(onnx, hidden, false, dtype) : onnx.emit("Relu", {hidden});
    return write_linear(onnx, active, rank, call.tensor("ffn_weight_2", dtype), call.tensor("ffn_bias_2", dtype),
                        dtype);
  };
  auto const sum = [&](onnx_value a, onnx_value b) { return onnx.emit("Add", {a, b}); };
  auto const x = call.tensor("src", dtype);
  bool const norm_first = call.flag("norm_first");
  auto const middle = norm_first ? sum(x, attended(first(x))) : first(sum(x, attended(x)));
  auto const result = norm_first ? sum(middle, fed_forward(second(middle))) : second(sum(middle, fed_forward(middle)));
  return {onnx.cast(result, dtype, call.result_dtype())};
}

inline constexpr onnx_operator onnx_attention[] = {
    {"aten::scaled_dot_product_attention", &lower_scaled_dot_product_attention},
    {"aten::_scaled_dot_product_flash_attention_for_cpu", &lower_scaled_dot_product_attention},
    {"aten::_native_multi_head_attention", &lower_native_multi_head_attention},
    {"aten::_transformer_encoder_layer_fwd", &lower_transformer_encoder_layer},
};

}  // namespace torchdeploy::inline v0::detail

#endif
