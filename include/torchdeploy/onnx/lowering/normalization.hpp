#pragma once

#include <torchdeploy/onnx/lowering/family.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

#include <torchdeploy/onnx/lowering/computed.hpp>
#include <torchdeploy/onnx/lowering/shape.hpp>

/// Normalizations: of a channel by statistics that were learned, of a tensor by its own.
namespace torchdeploy::inline v0::detail {

/// A weight or bias of so many channels; ones or zeros where the model has none.
inline onnx_value weight_or(onnx_call const& call, char const* name, std::vector<std::int64_t> const& sizes,
                            double otherwise, at::ScalarType dtype) {
  if (call.has(name)) return call.tensor(name, dtype);
  return call.onnx.constant(at::full(sizes, otherwise, at::TensorOptions(dtype)));
}
/// y * weight + bias as far as there are any, each reshaped to `sizes` where these are given.
inline onnx_value scaled_and_shifted(onnx_call const& call, onnx_value y, at::ScalarType dtype,
                                     std::vector<std::int64_t> const& sizes = {}) {
  auto const shaped = [&](char const* name) {
    auto const value = call.tensor(name, dtype);
    return sizes.empty() ? value : call.onnx.reshape(value, sizes);
  };
  if (call.has("weight")) y = call.onnx.emit("Mul", {y, shaped("weight")});
  if (call.has("bias")) y = call.onnx.emit("Add", {y, shaped("bias")});
  return y;
}

struct onnx_standardized {
  onnx_value value, mean, deviation;
};
/// (x - mean) / sqrt(variance + epsilon) over some axes. The nodes are those that ONNX Runtime fuses to a LayerNormalization.
inline onnx_standardized standardized(onnx_builder& onnx, onnx_value x, std::vector<std::int64_t> const& axes,
                                      double epsilon, at::ScalarType dtype) {
  auto const mean = onnx.reduce("ReduceMean", x, axes, true);
  auto const centred = onnx.emit("Sub", {x, mean});
  auto const squares = onnx.emit("Pow", {centred, onnx.scalar(2, dtype)});
  auto const variance = onnx.reduce("ReduceMean", squares, axes, true);
  auto const deviation = onnx.emit("Sqrt", {onnx.emit("Add", {variance, onnx.scalar(epsilon, dtype)})});
  return {onnx.emit("Div", {centred, deviation}), mean, deviation};
}
inline std::vector<std::int64_t> axes_from(std::int64_t first, std::int64_t rank) {
  std::vector<std::int64_t> axes(static_cast<std::size_t>(rank - first));
  std::iota(axes.begin(), axes.end(), first);
  return axes;
}
/// [C, 1, 1]: a channel's place in a tensor of this rank.
inline std::vector<std::int64_t> channel_sizes(std::int64_t rank) {
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(rank - 1), 1);
  sizes[0] = -1;
  return sizes;
}

// --- of channels -------------------------------------------------------------------------------------------------------
/// With the statistics that were learned.
inline onnx_results write_batch_norm(onnx_call const& call) {
  auto const dtype = call.result_dtype();
  auto const channels = call.shown("running_mean").sizes().vec();
  return {call.onnx.emit(
      "BatchNormalization",
      {call.tensor("input"), weight_or(call, "weight", channels, 1, dtype), weight_or(call, "bias", channels, 0, dtype),
       call.tensor("running_mean", dtype), call.tensor("running_var", dtype)},
      {{"epsilon", call.number("eps")}})};
}
inline onnx_results lower_batch_norm(onnx_call const& call) {
  if (call.has("running_mean")) {
    if (call.flag("training")) call.refuse("it is in training mode", "model.eval() before it is saved");
    return write_batch_norm(call);
  }
  auto const dtype = statistics_dtype(call.result_dtype());
  auto const rank = call.rank("input");
  auto axes = axes_from(1, rank);  // all but the channel's
  axes[0] = 0;
  auto const y = standardized(call.onnx, call.tensor("input", dtype), axes, call.number("eps"), dtype);
  auto const result = scaled_and_shifted(call, y.value, dtype, channel_sizes(rank));
  return {call.onnx.cast(result, dtype, call.result_dtype())};
}
/// Each channel of each row by its own statistics, unless it has learned some.
inline onnx_results lower_instance_norm(onnx_call const& call) {
  auto& onnx = call.onnx;
  if (!call.flag("use_input_stats")) return write_batch_norm(call);
  if (call.has("running_mean")) call.refuse("it is in training mode", "model.eval() before it is saved");
  auto const dtype = statistics_dtype(call.result_dtype());
  auto const rank = call.rank("input");
  auto const x = call.tensor("input", dtype);
  auto const channels = call.fixed_size("input", 1);
  onnx_value y;
  if (dtype != at::kFloat || !channels)  // ONNX Runtime has it of float alone
    y = scaled_and_shifted(call, standardized(onnx, x, axes_from(2, rank), call.number("eps"), dtype).value, dtype,
                           channel_sizes(rank));
  else
    y = onnx.emit("InstanceNormalization",
                  {x, weight_or(call, "weight", {*channels}, 1, dtype), weight_or(call, "bias", {*channels}, 0, dtype)},
                  {{"epsilon", call.number("eps")}});
  return {onnx.cast(y, dtype, call.result_dtype())};
}

/// Groups of channels by their own statistics: an instance norm of groups, and each channel's weight and bias. That is so at
/// opset 21 too, whose GroupNormalization takes ONNX Runtime 1.32 twice as long (180 us to 91), and OpenVINO the same.
inline onnx_results write_group_norm(onnx_call const& call, std::int64_t groups) {
  auto& onnx = call.onnx;
  auto const dtype = statistics_dtype(call.result_dtype());
  auto const epsilon = call.number_or("eps", 1e-5);
  auto const grouped = onnx.reshape(call.tensor("input", dtype), {0, groups, -1});
  auto const y = dtype != at::kFloat
                     ? standardized(onnx, grouped, {2}, epsilon, dtype).value
                     : onnx.emit("InstanceNormalization",
                                 {grouped, onnx.constant(at::ones({groups})), onnx.constant(at::zeros({groups}))},
                                 {{"epsilon", epsilon}});
  auto const whole = onnx.emit("Reshape", {y, target_shape(call, call.shape("input"))});
  return {
      onnx.cast(scaled_and_shifted(call, whole, dtype, channel_sizes(call.rank("input"))), dtype, call.result_dtype())};
}
inline onnx_results lower_group_norm(onnx_call const& call) {
  return write_group_norm(call, call.integer(call.has("group") ? "group" : "num_groups"));
}

// --- of the last axes --------------------------------------------------------------------------------------------------
/// Over all axes from `first` on, which counts from behind. Weight or bias: none where there is none.
inline onnx_value write_layer_norm(onnx_builder& onnx, onnx_value x, std::vector<std::int64_t> const& sizes,
                                   onnx_value weight, onnx_value bias, double epsilon, at::ScalarType dtype) {
  auto const count = static_cast<std::int64_t>(sizes.size());
  constexpr std::int64_t has_layer_norm = 17;
  if (onnx.opset() >= has_layer_norm) {
    if (!weight) weight = onnx.constant(at::ones(sizes, at::TensorOptions(dtype)));
    return onnx.emit("LayerNormalization", {x, weight, bias}, {{"axis", -count}, {"epsilon", epsilon}});
  }
  auto const precise = statistics_dtype(dtype);
  auto y = standardized(onnx, onnx.cast(x, dtype, precise), axes_from(-count, 0), epsilon, precise).value;
  if (weight) y = onnx.emit("Mul", {y, onnx.cast(weight, dtype, precise)});
  if (bias) y = onnx.emit("Add", {y, onnx.cast(bias, dtype, precise)});
  return onnx.cast(y, precise, dtype);
}
inline onnx_results lower_layer_norm(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const sizes = call.integers("normalized_shape");
  auto const epsilon = call.number_or("eps", 1e-5);
  auto const result = call.result_dtype();
  if (call.node()->outputs().size() != 3 || (!call.is_used(1) && !call.is_used(2)))
    return {write_layer_norm(onnx, call.tensor("input"), sizes,
                             call.has("weight") ? call.tensor("weight", result) : onnx_value{},
                             call.has("bias") ? call.tensor("bias", result) : onnx_value{}, epsilon, result)};
  auto const dtype = statistics_dtype(result);
  auto const axes = axes_from(-static_cast<std::int64_t>(sizes.size()), 0);
  auto const y = standardized(onnx, call.tensor("input", dtype), axes, epsilon, dtype);
  return {onnx.cast(scaled_and_shifted(call, y.value, dtype), dtype, result),
          onnx.cast(y.mean, dtype, call.result_dtype(1)),
          onnx.cast(onnx.emit("Reciprocal", {y.deviation}), dtype, call.result_dtype(2))};
}
/// x / sqrt(mean of squares + epsilon) * weight.
inline onnx_results lower_rms_norm(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = statistics_dtype(call.result_dtype());
  auto const rank = call.rank("input");
  auto const axes = axes_from(rank - static_cast<std::int64_t>(call.integers("normalized_shape").size()), rank);
  double const least = dtype == at::kDouble ? std::numeric_limits<double>::epsilon()
                                            : static_cast<double>(std::numeric_limits<float>::epsilon());
  auto const x = call.tensor("input", dtype);
  auto const squares = onnx.emit("Pow", {x, onnx.scalar(2, dtype)});
  auto const mean = onnx.reduce("ReduceMean", squares, axes, true);
  auto const root = onnx.emit("Sqrt", {onnx.emit("Add", {mean, onnx.scalar(call.number_or("eps", least), dtype)})});
  auto const y = scaled_and_shifted(call, onnx.emit("Div", {x, root}), dtype);
  return {onnx.cast(y, dtype, call.result_dtype())};
}

/// The product of two vectors over that of their lengths, each of which is epsilon at least.
inline onnx_results lower_cosine_similarity(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const rank = std::max(call.rank("x1"), call.rank("x2"));
  auto const axis = call.axis("dim", rank) - rank;  // from behind: the ranks may differ
  auto x = call.tensor("x1", dtype), y = call.tensor("x2", dtype);
  auto const length = [&](char const* name) {
    auto const own = call.rank(name) + axis;
    return own < 0 ? std::optional<std::int64_t>() : std::optional(call.shown(name).size(own));
  };
  if (length("x1") != length("x2")) {  // one is repeated along the axis
    auto const x_shape = call.shape("x1");
    x = onnx.expand(x, call.shape("x2"));
    y = onnx.expand(y, x_shape);
  }
  auto const least = onnx.scalar(call.number_or("eps", 1e-8), dtype);
  auto const norm = [&](onnx_value z) { return onnx.emit("Max", {onnx.reduce("ReduceL2", z, {axis}, false), least}); };
  auto const product = onnx.reduce("ReduceSum", onnx.emit("Mul", {x, y}), {axis}, false);
  return {onnx.emit("Div", {product, onnx.emit("Mul", {norm(x), norm(y)})})};
}

/// A weight of unit length but for one axis, scaled by another.
inline onnx_results lower_weight_norm(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = statistics_dtype(call.result_dtype());
  auto const rank = call.rank("v");
  auto axes = axes_from(0, rank);
  if (auto const kept = call.integer_or("dim", 0); kept != -1)
    std::erase_if(axes, [&](std::int64_t each) { return each == kept; });
  auto const v = call.tensor("v", dtype);
  auto const length = onnx.reduce("ReduceL2", v, axes, true);
  auto const made = onnx.emit("Mul", {v, onnx.emit("Div", {call.tensor("g", dtype), length})});
  return {onnx.cast(made, dtype, call.result_dtype())};
}

inline constexpr onnx_operator onnx_normalizations[] = {
    {"aten::batch_norm", &lower_batch_norm},
    {"aten::native_batch_norm", &lower_batch_norm},
    {"aten::_native_batch_norm_legit", &lower_batch_norm},
    {"aten::_native_batch_norm_legit_no_training", &lower_batch_norm},
    {"aten::_batch_norm_impl_index", &lower_batch_norm},
    {"aten::instance_norm", &lower_instance_norm},
    {"aten::group_norm", &lower_group_norm},
    {"aten::native_group_norm", &lower_group_norm},
    {"aten::layer_norm", &lower_layer_norm},
    {"aten::native_layer_norm", &lower_layer_norm},
    {"aten::rms_norm", &lower_rms_norm},
    {"aten::_fused_rms_norm", &lower_rms_norm},
    {"aten::_weight_norm", &lower_weight_norm},
    {"aten::cosine_similarity", &lower_cosine_similarity},
};

}  // namespace torchdeploy::inline v0::detail

#endif
