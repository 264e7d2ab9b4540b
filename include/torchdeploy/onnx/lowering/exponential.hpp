#pragma once

#include <torchdeploy/onnx/lowering/arithmetic.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstdint>
#include <limits>
#include <optional>

/// Exponentials and logarithms, exact where their argument is small.
namespace torchdeploy::inline v0::detail {

/// log(1 + x). With u the float next to 1 + x it is log(u) * x / (u - 1): what u lost of x, the quotient puts back.
/// Source: Kahan, as in Goldberg, "What Every Computer Scientist Should Know About Floating-Point Arithmetic", theorem 4.
inline onnx_value write_log1p(onnx_builder& onnx, onnx_value x, at::ScalarType dtype) {
  auto const one = onnx.scalar(1, dtype), infinity = onnx.scalar(std::numeric_limits<double>::infinity(), dtype);
  auto const u = onnx.emit("Add", {x, one});
  auto const exact = onnx.emit("Mul", {onnx.emit("Log", {u}), onnx.emit("Div", {x, onnx.emit("Sub", {u, one})})});
  auto const same = onnx.emit("Or", {onnx.emit("Equal", {u, one}), onnx.emit("Equal", {x, infinity})});
  return onnx.emit("Where", {same, x, exact});
}
/// exp(x) - 1: near 0 as 2 t / (1 - t) with t = tanh(x / 2).
inline onnx_value write_expm1(onnx_builder& onnx, onnx_value x, at::ScalarType dtype) {
  auto const number = [&](double value) { return onnx.scalar(value, dtype); };
  auto const t = onnx.emit("Tanh", {onnx.emit("Mul", {x, number(0.5)})});
  auto const near = onnx.emit("Div", {onnx.emit("Mul", {t, number(2)}), onnx.emit("Sub", {number(1), t})});
  auto const far = onnx.emit("Sub", {onnx.emit("Exp", {x}), number(1)});
  return onnx.emit("Where", {onnx.emit("Less", {onnx.emit("Abs", {x}), number(0.5)}), near, far});
}
inline onnx_results lower_log1p(onnx_call const& call) {
  auto const dtype = statistics_dtype(call.result_dtype());
  return as_result(call, write_log1p(call.onnx, call.tensor(0, dtype), dtype), dtype);
}
inline onnx_results lower_expm1(onnx_call const& call) {
  auto const dtype = statistics_dtype(call.result_dtype());
  return as_result(call, write_expm1(call.onnx, call.tensor(0, dtype), dtype), dtype);
}
inline onnx_results lower_exp2(onnx_call const& call) {
  auto const dtype = call.result_dtype();
  return {call.onnx.emit("Pow", {call.onnx.scalar(2, dtype), call.tensor(0, dtype)})};
}
/// A logarithm to another base.
inline onnx_results lower_log_by(onnx_call const& call, double factor) {
  auto const dtype = call.result_dtype();
  return {call.onnx.emit("Mul", {call.onnx.emit("Log", {call.tensor(0, dtype)}), call.onnx.scalar(factor, dtype)})};
}
inline constexpr double log2_of_e = 1.4426950408889634, log10_of_e = 0.4342944819032518;
inline onnx_results lower_log2(onnx_call const& call) { return lower_log_by(call, log2_of_e); }
inline onnx_results lower_log10(onnx_call const& call) { return lower_log_by(call, log10_of_e); }

/// log(exp(x) + exp(y)), or of powers of 2: the greater one, and log(1 + exp(-|x - y|)). Of equal infinities that one.
template <bool Base2>
onnx_results lower_logaddexp(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = statistics_dtype(call.result_dtype());
  auto const [x, y] = operands(call, dtype);
  auto const greater = onnx.emit("Max", {x, y});
  auto away = onnx.emit("Neg", {onnx.emit("Abs", {onnx.emit("Sub", {x, y})})});
  if (Base2) away = onnx.emit("Mul", {away, onnx.scalar(1 / log2_of_e, dtype)});
  auto more = write_log1p(onnx, onnx.emit("Exp", {away}), dtype);
  if (Base2) more = onnx.emit("Mul", {more, onnx.scalar(log2_of_e, dtype)});
  auto const infinity = onnx.scalar(std::numeric_limits<double>::infinity(), dtype);
  auto const endless =
      onnx.emit("And", {onnx.emit("Equal", {x, y}), onnx.emit("Equal", {onnx.emit("Abs", {x}), infinity})});
  return as_result(call, onnx.emit("Where", {endless, x, onnx.emit("Add", {greater, more})}), dtype);
}
/// x log(y), and 0 where x is, unless y is NaN.
inline onnx_results lower_xlogy(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const [x, y] = operands(call, dtype);
  auto const zero = onnx.scalar(0, dtype);
  auto const nothing = onnx.emit("And", {onnx.emit("Equal", {x, zero}), onnx.emit("Not", {onnx.emit("IsNaN", {y})})});
  return {onnx.emit("Where", {nothing, zero, onnx.emit("Mul", {x, onnx.emit("Log", {y})})})};
}
/// log(x / (1 - x)), of x kept away from 0 and 1 by epsilon where one is given.
inline onnx_results lower_logit(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto x = call.tensor("self", dtype);
  if (call.has("eps")) {
    auto const epsilon = call.number("eps");
    x = onnx.emit("Clip", {x, onnx.scalar(epsilon, dtype), onnx.scalar(1 - epsilon, dtype)});
  }
  return {onnx.emit("Log", {onnx.emit("Div", {x, onnx.emit("Sub", {onnx.scalar(1, dtype), x})})})};
}

inline constexpr onnx_operator onnx_exponentials[] = {
    {"aten::exp", &lower_unary<"Exp">},
    {"aten::exp2", &lower_exp2},
    {"aten::expm1", &lower_expm1},
    {"aten::log", &lower_unary<"Log">},
    {"aten::log2", &lower_log2},
    {"aten::log10", &lower_log10},
    {"aten::log1p", &lower_log1p},
    {"aten::logaddexp", &lower_logaddexp<false>},
    {"aten::logaddexp2", &lower_logaddexp<true>},
    {"aten::logit", &lower_logit},
    {"aten::xlogy", &lower_xlogy},
};

}  // namespace torchdeploy::inline v0::detail

#endif
