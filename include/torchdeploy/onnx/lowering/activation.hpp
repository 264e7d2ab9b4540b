#pragma once

#include <torchdeploy/onnx/lowering/exponential.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstdint>
#include <string>
#include <vector>

/// Activations: functions of each element that layers end with, and softmax.
namespace torchdeploy::inline v0::detail {

/// ONNX Runtime has most activations of float alone. In double they are written out, which keeps the precision.
inline bool is_written_out(onnx_call const& call) { return call.result_dtype() == at::kDouble; }

/// ONNX Runtime has it of few dtypes of ints, and of int64 no Relu at all.
inline onnx_results lower_relu(onnx_call const& call) {
  auto const dtype = call.result_dtype();
  if (dtype == at::kLong) return {call.onnx.emit("Max", {call.tensor(0), call.onnx.scalar(0, dtype)})};
  return {call.onnx.emit("Relu", {call.tensor(0)})};
}
/// Bounds are inputs of Clip; either may be left out.
inline onnx_results lower_clip(onnx_call const& call, onnx_value low, onnx_value high) {
  return {call.onnx.emit("Clip", {call.tensor("self", call.result_dtype()), low, high})};
}
inline onnx_results lower_hardtanh(onnx_call const& call) {
  auto const dtype = call.result_dtype();
  return lower_clip(call, call.operand("min_val", dtype), call.operand("max_val", dtype));
}
inline onnx_results lower_relu6(onnx_call const& call) {
  auto const dtype = call.result_dtype();
  constexpr double most = 6;
  return lower_clip(call, call.onnx.scalar(0, dtype), call.onnx.scalar(most, dtype));
}

inline onnx_results lower_silu(onnx_call const& call) {
  auto const x = call.tensor("self");
  return {call.onnx.emit("Mul", {x, call.onnx.emit("Sigmoid", {x})})};
}

inline onnx_results lower_hardsigmoid(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const x = call.tensor("self");
  if (!is_written_out(call)) return {onnx.emit("HardSigmoid", {x}, {{"alpha", 1.0 / 6}, {"beta", 0.5}})};
  auto const line = onnx.emit("Add", {onnx.emit("Div", {x, onnx.scalar(6, dtype)}), onnx.scalar(0.5, dtype)});
  return {onnx.emit("Clip", {line, onnx.scalar(0, dtype), onnx.scalar(1, dtype)})};
}
inline onnx_results lower_hardswish(onnx_call const& call) {
  auto const x = call.tensor("self");
  constexpr std::int64_t has_hardswish = 14;
  if (call.onnx.opset() >= has_hardswish && !is_written_out(call)) return {call.onnx.emit("HardSwish", {x})};
  return {call.onnx.emit("Mul", {x, lower_hardsigmoid(call).front()})};
}

/// x * (1 + erf(x / sqrt 2)) / 2, or its approximation by tanh. Source: Hendrycks and Gimpel, "Gaussian Error Linear Units".
inline onnx_value write_gelu(onnx_builder& onnx, onnx_value x, bool by_tanh, at::ScalarType dtype) {
  constexpr std::int64_t has_gelu = 20;
  if (onnx.opset() >= has_gelu)
    return onnx.emit("Gelu", {x}, {{"approximate", by_tanh ? std::string("tanh") : std::string("none")}});
  auto const number = [&](double value) { return onnx.scalar(value, dtype); };
  auto const half_times_one_plus = [&](onnx_value y) {
    return onnx.emit("Mul", {onnx.emit("Mul", {x, onnx.emit("Add", {y, number(1)})}), number(0.5)});
  };
  if (!by_tanh) return half_times_one_plus(onnx.emit("Erf", {onnx.emit("Div", {x, number(1.4142135623730951)})}));
  auto const cube = onnx.emit("Mul", {x, onnx.emit("Mul", {x, x})});
  auto const inner = onnx.emit("Add", {x, onnx.emit("Mul", {cube, number(0.044715)})});
  return half_times_one_plus(onnx.emit("Tanh", {onnx.emit("Mul", {inner, number(0.7978845608028654)})}));
}
inline onnx_results lower_gelu(onnx_call const& call) {
  bool const by_tanh = call.has("approximate") && call.text("approximate") == "tanh";
  return {write_gelu(call.onnx, call.tensor("self"), by_tanh, call.result_dtype())};
}

/// log(1 + exp(x)): max(x, 0) + log1p(exp(-|x|)) where it is written out.
inline onnx_value write_softplus(onnx_call const& call, onnx_value x) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  if (!is_written_out(call)) return onnx.emit("Softplus", {x});
  auto const small = onnx.emit("Exp", {onnx.emit("Neg", {onnx.emit("Abs", {x})})});
  return onnx.emit("Add", {onnx.emit("Max", {x, onnx.scalar(0, dtype)}), write_log1p(onnx, small, dtype)});
}
/// log(1 + exp(beta x)) / beta, and x itself above the threshold, where the two are equal in float.
inline onnx_results lower_softplus(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const x = call.tensor("self");
  auto const beta = call.number_or("beta", 1), threshold = call.number_or("threshold", 20);
  auto const number = [&](double value) { return onnx.scalar(value, call.result_dtype()); };
  auto const scaled = beta == 1 ? x : onnx.emit("Mul", {x, number(beta)});
  auto const soft = write_softplus(call, scaled);
  auto const smooth = beta == 1 ? soft : onnx.emit("Div", {soft, number(beta)});
  return {onnx.emit("Where", {onnx.emit("Greater", {scaled, number(threshold)}), x, smooth})};
}

inline onnx_results lower_mish(onnx_call const& call) {
  auto const x = call.tensor("self");
  constexpr std::int64_t has_mish = 18;
  if (call.onnx.opset() >= has_mish && !is_written_out(call)) return {call.onnx.emit("Mish", {x})};
  return {call.onnx.emit("Mul", {x, call.onnx.emit("Tanh", {write_softplus(call, x)})})};
}

/// -softplus(-x)
inline onnx_results lower_log_sigmoid(onnx_call const& call) {
  auto& onnx = call.onnx;
  return {onnx.emit("Neg", {write_softplus(call, onnx.emit("Neg", {call.tensor("self")}))})};
}

/// elu with two further factors: scale * (max(0, x) + min(0, alpha * (exp(input_scale * x) - 1))).
inline onnx_results write_elu(onnx_call const& call, double alpha, double scale, double input_scale) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const x = call.tensor("self");
  auto const times = [&](onnx_value y, double factor) {
    return factor == 1 ? y : onnx.emit("Mul", {y, onnx.scalar(factor, dtype)});
  };
  auto const low = times(write_expm1(onnx, times(x, input_scale), dtype), alpha * scale);
  return {onnx.emit("Where", {onnx.emit("Greater", {x, onnx.scalar(0, dtype)}), times(x, scale), low})};
}
inline onnx_results lower_elu(onnx_call const& call) {
  auto const alpha = call.number_or("alpha", 1), scale = call.number_or("scale", 1),
             input_scale = call.number_or("input_scale", 1);
  if (scale != 1 || input_scale != 1 || is_written_out(call)) return write_elu(call, alpha, scale, input_scale);
  return {call.onnx.emit("Elu", {call.tensor("self")}, {{"alpha", alpha}})};
}
inline onnx_results lower_celu(onnx_call const& call) {
  auto const alpha = call.number_or("alpha", 1);
  if (is_written_out(call)) return write_elu(call, alpha, 1, 1 / alpha);
  return {call.onnx.emit("Celu", {call.tensor("self")}, {{"alpha", alpha}})};
}
inline onnx_results lower_selu(onnx_call const& call) {
  constexpr double alpha = 1.6732632423543772, gamma = 1.0507009873554805;
  if (is_written_out(call)) return write_elu(call, alpha, gamma, 1);
  return {call.onnx.emit("Selu", {call.tensor("self")}, {{"alpha", alpha}, {"gamma", gamma}})};
}
/// x, below 0 times a slope.
inline onnx_results write_leaky_relu(onnx_call const& call, double slope) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const x = call.tensor("self");
  if (!is_written_out(call)) return {onnx.emit("LeakyRelu", {x}, {{"alpha", slope}})};
  auto const low = onnx.emit("Mul", {x, onnx.scalar(slope, dtype)});
  return {onnx.emit("Where", {onnx.emit("Less", {x, onnx.scalar(0, dtype)}), low, x})};
}
inline onnx_results lower_leaky_relu(onnx_call const& call) {
  return write_leaky_relu(call, call.number_or("negative_slope", 0.01));
}
/// Outside of training: the mean of the range that the slope is drawn from.
inline onnx_results lower_rrelu(onnx_call const& call) {
  if (call.flag("training")) call.refuse("it is in training mode", "model.eval() before it is saved");
  auto const slope = (call.number_or("lower", 1.0 / 8) + call.number_or("upper", 1.0 / 3)) / 2;
  return write_leaky_relu(call, slope);
}
/// A slope for each channel, which is dimension 1.
inline onnx_results lower_prelu(onnx_call const& call) {
  auto const slopes = call.shown("weight").numel();
  auto slope = call.tensor("weight");
  if (auto const rank = call.rank("self"); slopes > 1 && rank > 2) {
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(rank) - 1, 1);
    sizes[0] = slopes;
    slope = call.onnx.reshape(slope, sizes);
  }
  if (call.rank("self") == 0) slope = call.onnx.reshape(slope, {});
  if (call.rank("self") == 0 || is_written_out(call)) {  // Where keeps a tensor without dimensions as it is
    auto const x = call.tensor("self");
    auto const zero = call.onnx.scalar(0, call.result_dtype());
    return {call.onnx.emit("Where", {call.onnx.emit("Less", {x, zero}), call.onnx.emit("Mul", {x, slope}), x})};
  }
  return {call.onnx.emit("PRelu", {call.tensor("self"), slope})};
}
/// A value up to the threshold, x above it and where it is NaN.
inline onnx_results lower_threshold(onnx_call const& call) {
  auto const dtype = call.result_dtype();
  auto const x = call.tensor("self");
  auto const low = call.onnx.emit("LessOrEqual", {x, call.operand("threshold", dtype)});
  return {call.onnx.emit("Where", {low, call.operand("value", dtype), x})};
}
inline onnx_results lower_hardshrink(onnx_call const& call) {
  return {call.onnx.emit("Shrink", {call.tensor("self")}, {{"lambd", call.number_or("lambd", 0.5)}, {"bias", 0.0}})};
}
inline onnx_results lower_softshrink(onnx_call const& call) {
  auto const by = call.number_or("lambd", 0.5);
  return {call.onnx.emit("Shrink", {call.tensor("self")}, {{"lambd", by}, {"bias", by}})};
}
/// The first half of an axis, times the sigmoid of the second.
inline onnx_results lower_glu(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const axis = onnx_call::axis(call.has("dim") ? call.integer("dim") : -1, call.rank("self"));
  auto const x = call.tensor("self");
  if (auto const size = call.fixed_size("self", axis)) {
    auto const parts = onnx.emit_many("Split", {x, onnx.integers({*size / 2, *size / 2})}, 2, {{"axis", axis}});
    return {onnx.emit("Mul", {parts[0], onnx.emit("Sigmoid", {parts[1]})})};
  }
  auto const half = onnx.emit("Div", {call.size("self", axis), onnx.integers({2})});
  auto const gate = onnx.emit("Sigmoid", {onnx.slice(x, axis, half, {})});
  return {onnx.emit("Mul", {onnx.slice(x, axis, onnx.integers({0}), half), gate})};
}

template <onnx_kind Kind>
onnx_results lower_softmax(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const rank = call.rank(0);
  if (rank == 0) {  // of one number: 1, or 0 as a logarithm
    auto const one = onnx.emit(Kind.text, {onnx.unsqueeze(call.tensor(0, dtype), {0})}, {{"axis", std::int64_t{0}}});
    return {onnx.squeeze(one, {0})};
  }
  return {onnx.emit(Kind.text, {call.tensor(0, dtype)}, {{"axis", call.axis("dim", rank)}})};
}

inline constexpr onnx_operator onnx_activations[] = {
    {"aten::relu", &lower_relu},
    {"aten::sigmoid", &lower_unary<"Sigmoid">},
    {"aten::tanh", &lower_unary<"Tanh">},
    {"aten::silu", &lower_silu},
    {"aten::gelu", &lower_gelu},
    {"aten::hardtanh", &lower_hardtanh},
    {"aten::relu6", &lower_relu6},
    {"aten::hardsigmoid", &lower_hardsigmoid},
    {"aten::hardswish", &lower_hardswish},
    {"aten::softplus", &lower_softplus},
    {"aten::mish", &lower_mish},
    {"aten::log_sigmoid", &lower_log_sigmoid},
    {"aten::elu", &lower_elu},
    {"aten::celu", &lower_celu},
    {"aten::selu", &lower_selu},
    {"aten::leaky_relu", &lower_leaky_relu},
    {"aten::rrelu", &lower_rrelu},
    {"aten::prelu", &lower_prelu},
    {"aten::_prelu_kernel", &lower_prelu},
    {"aten::threshold", &lower_threshold},
    {"aten::hardshrink", &lower_hardshrink},
    {"aten::softshrink", &lower_softshrink},
    {"aten::glu", &lower_glu},
    {"aten::softmax", &lower_softmax<"Softmax">},
    {"aten::_softmax", &lower_softmax<"Softmax">},
    {"aten::log_softmax", &lower_softmax<"LogSoftmax">},
    {"aten::_log_softmax", &lower_softmax<"LogSoftmax">},
};

}  // namespace torchdeploy::inline v0::detail

#endif
