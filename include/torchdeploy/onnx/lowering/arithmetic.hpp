#pragma once

#include <torchdeploy/onnx/lowering/computed.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Arithmetic of tensors, and of the numbers that sizes are computed with, with LibTorch's promotion of dtypes: ONNX has none.
namespace torchdeploy::inline v0::detail {

/// The dtype in which two operands meet. Source: at::result_type, of what the model was run on.
inline at::ScalarType meeting_dtype(onnx_call const& call, onnx_argument first = 0, onnx_argument second = 1) {
  auto const &a = call.at(first)->seen[0], &b = call.at(second)->seen[0];
  if (a.isTensor() && b.isTensor()) return at::result_type(a.toTensor(), b.toTensor());
  if (a.isTensor()) return at::result_type(a.toTensor(), b.toScalar());
  if (b.isTensor()) return at::result_type(a.toScalar(), b.toTensor());
  auto const x = onnx_call::dtype_of(a), y = onnx_call::dtype_of(b);
  if (x == at::kDouble || y == at::kDouble) return at::kDouble;
  return x == at::kLong || y == at::kLong ? at::kLong : at::kBool;
}

/// Both operands in one dtype. Two numbers are vectors of one element, a number beside a tensor has no dimensions.
inline std::pair<onnx_value, onnx_value> operands(onnx_call const& call, at::ScalarType dtype, onnx_argument first = 0,
                                                  onnx_argument second = 1) {
  bool const numbers = !call.is_tensor(first) && !call.is_tensor(second);
  auto const side = [&](onnx_argument which) {
    return numbers ? call.onnx.cast(call.read(call.at(which)), call.dtype(which), dtype) : call.operand(which, dtype);
  };
  return {side(first), side(second)};
}

inline bool is_integral(at::ScalarType dtype) { return at::isIntegralType(dtype, /*includeBool=*/true); }

/// What was computed in one dtype, in the dtype that LibTorch gives.
inline onnx_results as_result(onnx_call const& call, onnx_value value, at::ScalarType computed) {
  return {call.onnx.cast(value, computed, call.result_dtype())};
}

/// `alpha` is what add and sub scale their second operand by.
inline onnx_value scaled_by_alpha(onnx_call const& call, onnx_value value, at::ScalarType dtype) {
  if (!call.has("alpha")) return value;
  auto const& alpha = call.constant("alpha").toScalar();
  if (alpha.toDouble() == 1) return value;
  return call.onnx.emit("Mul", {value, call.onnx.constant(at::scalar_tensor(alpha, dtype))});
}

inline onnx_results lower_add(onnx_call const& call) {
  auto const dtype = meeting_dtype(call);
  auto const [x, y] = operands(call, dtype);
  if (dtype == at::kBool) return {call.onnx.emit("Or", {x, y})};
  return as_result(call, call.onnx.emit("Add", {x, scaled_by_alpha(call, y, dtype)}), dtype);
}
inline onnx_results lower_sub(onnx_call const& call) {
  auto const dtype = meeting_dtype(call);
  auto const [x, y] = operands(call, dtype);
  return as_result(call, call.onnx.emit("Sub", {x, scaled_by_alpha(call, y, dtype)}), dtype);
}
/// other - alpha * self
inline onnx_results lower_rsub(onnx_call const& call) {
  auto const dtype = meeting_dtype(call);
  auto const [x, y] = operands(call, dtype);
  return as_result(call, call.onnx.emit("Sub", {y, scaled_by_alpha(call, x, dtype)}), dtype);
}
inline onnx_results lower_mul(onnx_call const& call) {
  auto const dtype = meeting_dtype(call);
  auto const [x, y] = operands(call, dtype);
  if (dtype == at::kBool) return {call.onnx.emit("And", {x, y})};
  return as_result(call, call.onnx.emit("Mul", {x, y}), dtype);
}

/// The exact rest of x / y with the sign of x, and whether y has the other one. x - floor(x / y) * y is not exact: of 1 and 0.1
/// it is 0, the rest is nearly 0.1.
inline std::pair<onnx_value, onnx_value> rest_of_floats(onnx_builder& onnx, onnx_value x, onnx_value y,
                                                        at::ScalarType dtype) {
  auto const zero = onnx.scalar(0, dtype);
  auto const rest = onnx.emit("Mod", {x, y}, {{"fmod", 1}});
  auto const signs_differ = onnx.emit("Xor", {onnx.emit("Less", {rest, zero}), onnx.emit("Less", {y, zero})});
  return {rest, onnx.emit("And", {onnx.emit("Not", {onnx.emit("Equal", {rest, zero})}), signs_differ})};
}
/// Source: div_floor_floating in LibTorch's c10/util/generic_math.h.
inline onnx_value floored_quotient_of_floats(onnx_builder& onnx, onnx_value x, onnx_value y, at::ScalarType dtype) {
  auto const [rest, below] = rest_of_floats(onnx, x, y, dtype);
  auto const as_number = [&](onnx_value flag) { return onnx.cast(flag, at::kBool, dtype); };
  auto const quotient = onnx.emit("Sub", {onnx.emit("Div", {onnx.emit("Sub", {x, rest}), y}), as_number(below)});
  auto const whole = onnx.emit("Floor", {quotient});
  auto const up = onnx.emit("Greater", {onnx.emit("Sub", {quotient, whole}), onnx.scalar(0.5, dtype)});
  auto const made = onnx.emit("Add", {whole, as_number(up)});
  if (auto const known = onnx.constant_of(y); known && known->ne(0).all().item().toBool()) return made;
  return onnx.emit("Where", {onnx.emit("Equal", {y, onnx.scalar(0, dtype)}), onnx.emit("Div", {x, y}), made});
}
/// The quotient rounded down. ONNX's Div of ints rounds towards zero.
inline onnx_value floored_quotient(onnx_builder& onnx, onnx_value x, onnx_value y, at::ScalarType dtype) {
  if (!is_integral(dtype)) return floored_quotient_of_floats(onnx, x, y, dtype);
  if (dtype == at::kByte) return onnx.emit("Div", {x, y});
  auto const quotient = onnx.emit("Div", {x, y});
  auto const rest = onnx.emit("Sub", {x, onnx.emit("Mul", {quotient, y})});
  auto const zero = onnx.constant(at::scalar_tensor(0, dtype));
  auto const inexact = onnx.emit("Not", {onnx.emit("Equal", {rest, zero})});
  auto const signs_differ = onnx.emit("Xor", {onnx.emit("Less", {rest, zero}), onnx.emit("Less", {y, zero})});
  auto const correction = onnx.cast(onnx.emit("And", {inexact, signs_differ}), at::kBool, dtype);
  return onnx.emit("Sub", {quotient, correction});
}
inline onnx_value truncated(onnx_builder& onnx, onnx_value x, at::ScalarType dtype) {
  if (is_integral(dtype)) return x;
  return onnx.emit("Mul", {onnx.emit("Sign", {x}), onnx.emit("Floor", {onnx.emit("Abs", {x})})});
}

/// Is a number a size, or made of sizes by what leaves it at zero or more?
inline bool is_count(torch::jit::Value const* value) {
  auto const* const node = value->node();
  auto const is = [&](std::string_view name) { return name == node->kind().toQualString(); };
  if (node->kind() == c10::prim::Constant)
    return value->type()->kind() == c10::TypeKind::IntType && jit::toIValue(value)->toInt() >= 0;
  if (is("aten::size") || is("aten::len") || is("aten::numel")) return true;
  if (is("aten::__getitem__") || is("prim::ListUnpack"))
    return node->input(0)->node()->kind().toQualString() == std::string_view("aten::size");
  return (is("aten::mul") || is("aten::add") || is("aten::floordiv")) && is_count(node->input(0)) &&
         is_count(node->input(1));
}

/// Of counts the plain quotient of ints is the one rounded down.
inline onnx_results lower_floor_divide(onnx_call const& call) {
  auto const dtype = meeting_dtype(call);
  auto const [x, y] = operands(call, dtype);
  bool const sizes = dtype == at::kLong && !call.is_tensor(0) && !call.is_tensor(1) && call.is_constant(1) &&
                     call.number(1) > 0 && is_count(call.node()->input(0));
  auto const quotient = sizes ? call.onnx.emit("Div", {x, y}) : floored_quotient(call.onnx, x, y, dtype);
  return as_result(call, quotient, dtype);
}
inline onnx_results lower_div(onnx_call const& call) {
  auto const rounding = call.has("rounding_mode") ? call.text("rounding_mode") : std::string();
  if (rounding == "floor") return lower_floor_divide(call);
  auto const dtype = rounding.empty() ? call.result_dtype() : meeting_dtype(call);
  auto const [x, y] = operands(call, dtype);
  auto const quotient = call.onnx.emit("Div", {x, y});
  return as_result(call, rounding.empty() ? quotient : truncated(call.onnx, quotient, dtype), dtype);
}
/// The rest that has the sign of the divisor, as Python's.
inline onnx_results lower_remainder(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = meeting_dtype(call);
  auto const [x, y] = operands(call, dtype);
  if (is_integral(dtype)) return as_result(call, onnx.emit("Mod", {x, y}), dtype);
  auto const [rest, below] = rest_of_floats(onnx, x, y, dtype);
  return as_result(call, onnx.emit("Where", {below, onnx.emit("Add", {rest, y}), rest}), dtype);
}
/// The rest that has the sign of the dividend, as C's.
inline onnx_results lower_fmod(onnx_call const& call) {
  auto const dtype = meeting_dtype(call);
  auto const [x, y] = operands(call, dtype);
  return as_result(call, call.onnx.emit("Mod", {x, y}, {{"fmod", 1}}), dtype);
}

/// A square is a product: the general power takes many times as long.
inline onnx_results lower_pow(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const [x, y] = operands(call, dtype);
  if (!call.is_tensor(1) && call.is_constant(1)) {
    auto const exponent = call.number(1);
    if (exponent == 1) return {x};
    if (exponent == 2) return {onnx.emit("Mul", {x, x})};
    if (exponent == 0.5 && !is_integral(dtype)) return {onnx.emit("Sqrt", {x})};
    if (exponent == -0.5 && !is_integral(dtype)) return {onnx.emit("Reciprocal", {onnx.emit("Sqrt", {x})})};
    if (exponent == -1 && !is_integral(dtype)) return {onnx.emit("Reciprocal", {x})};
  }
  return {onnx.emit("Pow", {x, y})};
}

template <onnx_kind Kind>
onnx_results lower_pair(onnx_call const& call) {
  auto const dtype = meeting_dtype(call);
  auto const [x, y] = operands(call, dtype);
  return as_result(call, call.onnx.emit(Kind.text, {x, y}), dtype);
}

inline onnx_results lower_rsqrt(onnx_call const& call) {
  return {call.onnx.emit("Reciprocal", {call.onnx.emit("Sqrt", {call.tensor(0, call.result_dtype())})})};
}
inline onnx_results lower_square(onnx_call const& call) {
  auto const x = call.tensor(0);
  return {call.onnx.emit("Mul", {x, x})};
}
/// Rounds ints to themselves.
template <onnx_kind Kind>
onnx_results lower_rounding(onnx_call const& call) {
  if (call.is_tensor(0) && is_integral(call.dtype(0))) return {call.tensor(0)};
  if (call.is_tensor(0)) return {call.onnx.emit(Kind.text, {call.tensor(0)})};
  return as_result(call, call.onnx.emit(Kind.text, {call.tensor(0, at::kDouble)}), at::kDouble);
}
inline onnx_results lower_round(onnx_call const& call) {
  auto const decimals = call.integer_or("decimals", 0);
  if (decimals == 0) return lower_rounding<"Round">(call);
  auto const dtype = call.result_dtype();
  auto const factor = call.onnx.scalar(std::pow(10.0, static_cast<double>(decimals)), dtype);
  auto const scaled = call.onnx.emit("Mul", {call.tensor(0), factor});
  return {call.onnx.emit("Div", {call.onnx.emit("Round", {scaled}), factor})};
}
inline onnx_results lower_trunc(onnx_call const& call) { return {truncated(call.onnx, call.tensor(0), call.dtype(0))}; }
inline onnx_results lower_frac(onnx_call const& call) {
  auto const x = call.tensor(0);
  return {call.onnx.emit("Sub", {x, truncated(call.onnx, x, call.dtype(0))})};
}

/// self + value * tensor1 * tensor2, or tensor1 / tensor2.
template <onnx_kind Kind>
onnx_results lower_add_scaled_pair(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto pair = onnx.emit(Kind.text, {call.tensor("tensor1", dtype), call.tensor("tensor2", dtype)});
  if (auto const value = call.number_or("value", 1); value != 1)
    pair = onnx.emit("Mul", {pair, onnx.scalar(value, dtype)});
  return {onnx.emit("Add", {call.tensor("self", dtype), pair})};
}
/// start + weight * (end - start)
inline onnx_results lower_lerp(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const start = call.tensor("self", dtype);
  auto const way = onnx.emit("Sub", {call.tensor("end", dtype), start});
  return {onnx.emit("Add", {start, onnx.emit("Mul", {call.operand("weight", dtype), way})})};
}

/// The greater or lesser one; where one is NaN, the other.
template <onnx_kind Kind>
onnx_results lower_pair_without_nan(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = meeting_dtype(call);
  auto const [x, y] = operands(call, dtype);
  auto const made = onnx.emit(Kind.text, {x, y});
  if (is_integral(dtype)) return as_result(call, made, dtype);
  auto const left = onnx.emit("Where", {onnx.emit("IsNaN", {y}), x, made});
  return as_result(call, onnx.emit("Where", {onnx.emit("IsNaN", {x}), y, left}), dtype);
}
inline onnx_results lower_times(onnx_call const& call, double factor) {
  auto const dtype = call.result_dtype();
  return {call.onnx.emit("Mul", {call.tensor(0, dtype), call.onnx.scalar(factor, dtype)})};
}
inline constexpr double degrees_of_one_radian = 57.29577951308232;
inline onnx_results lower_rad2deg(onnx_call const& call) { return lower_times(call, degrees_of_one_radian); }
inline onnx_results lower_deg2rad(onnx_call const& call) { return lower_times(call, 1 / degrees_of_one_radian); }

/// Bounds: None, numbers or tensors. Where they cross, the upper one holds.
inline onnx_results lower_clamp(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto x = call.operand("self", dtype);
  auto const numbers = [&](char const* name) {
    return !call.has(name) || (!call.is_tensor(name) && call.is_constant(name));
  };
  if (numbers("min") && numbers("max"))
    return {onnx.emit("Clip", {x, call.has("min") ? call.operand("min", dtype) : onnx_value{},
                               call.has("max") ? call.operand("max", dtype) : onnx_value{}})};
  if (call.has("min")) x = onnx.emit("Max", {x, call.operand("min", dtype)});
  if (call.has("max")) x = onnx.emit("Min", {x, call.operand("max", dtype)});
  return {x};
}
inline onnx_results lower_atan2(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const [y, x] = operands(call, dtype);
  auto const number = [&](double value) { return onnx.scalar(value, dtype); };
  constexpr double pi = 3.141592653589793;
  auto const is = [&](char const* kind, onnx_value a) { return onnx.emit(kind, {a, number(0)}); };
  auto const half = onnx.emit("Atan", {onnx.emit("Div", {y, x})});
  auto const turned =
      onnx.emit("Where", {is("Less", y), onnx.emit("Sub", {half, number(pi)}), onnx.emit("Add", {half, number(pi)})});
  auto const sides = onnx.emit("Where", {is("Less", x), turned, half});
  auto const up = onnx.emit("Mul", {onnx.emit("Sign", {y}), number(pi / 2)});
  return {onnx.emit("Where", {is("Equal", x), up, sides})};
}

inline constexpr onnx_operator onnx_arithmetic[] = {
    {"aten::add", &lower_add},
    {"aten::sub", &lower_sub},
    {"aten::rsub", &lower_rsub},
    {"aten::subtract", &lower_sub},
    {"aten::mul", &lower_mul},
    {"aten::multiply", &lower_mul},
    {"aten::div", &lower_div},
    {"aten::divide", &lower_div},
    {"aten::true_divide", &lower_div},
    {"aten::floor_divide", &lower_floor_divide},
    {"aten::floordiv", &lower_floor_divide},
    {"aten::remainder", &lower_remainder},
    {"aten::fmod", &lower_fmod},
    {"aten::pow", &lower_pow},
    {"aten::float_power", &lower_pow},
    {"aten::rad2deg", &lower_rad2deg},
    {"aten::deg2rad", &lower_deg2rad},
    {"aten::neg", &lower_unary<"Neg">},
    {"aten::abs", &lower_unary<"Abs">},
    {"prim::abs", &lower_unary<"Abs">},
    {"aten::sign", &lower_unary<"Sign">},
    {"aten::sgn", &lower_unary<"Sign">},
    {"aten::sqrt", &lower_unary<"Sqrt">},
    {"aten::rsqrt", &lower_rsqrt},
    {"aten::square", &lower_square},
    {"aten::reciprocal", &lower_unary<"Reciprocal">},
    {"aten::erf", &lower_unary<"Erf">},
    {"aten::sin", &lower_unary<"Sin">},
    {"aten::cos", &lower_unary<"Cos">},
    {"aten::tan", &lower_unary<"Tan">},
    {"aten::asin", &lower_unary<"Asin">},
    {"aten::acos", &lower_unary<"Acos">},
    {"aten::atan", &lower_unary<"Atan">},
    {"aten::atan2", &lower_atan2},
    {"aten::sinh", &lower_unary<"Sinh">},
    {"aten::cosh", &lower_unary<"Cosh">},
    {"aten::asinh", &lower_unary<"Asinh">},
    {"aten::acosh", &lower_unary<"Acosh">},
    {"aten::atanh", &lower_unary<"Atanh">},
    {"aten::floor", &lower_rounding<"Floor">},
    {"aten::ceil", &lower_rounding<"Ceil">},
    {"aten::round", &lower_round},
    {"aten::trunc", &lower_trunc},
    {"aten::fix", &lower_trunc},
    {"aten::frac", &lower_frac},
    {"aten::maximum", &lower_pair<"Max">},
    {"aten::minimum", &lower_pair<"Min">},
    {"aten::fmax", &lower_pair_without_nan<"Max">},
    {"aten::fmin", &lower_pair_without_nan<"Min">},
    {"aten::addcmul", &lower_add_scaled_pair<"Mul">},
    {"aten::addcdiv", &lower_add_scaled_pair<"Div">},
    {"aten::lerp", &lower_lerp},
    {"aten::clamp", &lower_clamp},
    {"aten::clip", &lower_clamp},
    {"aten::clamp_min", &lower_clamp},
    {"aten::clamp_max", &lower_clamp},
};

}  // namespace torchdeploy::inline v0::detail

#endif
