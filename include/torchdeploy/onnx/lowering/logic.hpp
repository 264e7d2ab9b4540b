#pragma once

#include <torchdeploy/onnx/lowering/exponential.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

/// Comparison, logic, and what chooses between two tensors.
namespace torchdeploy::inline v0::detail {

// --- comparison --------------------------------------------------------------------------------------------------------
/// Lists of sizes: they are equal when all of them are.
inline onnx_value lists_equal(onnx_call const& call) {
  auto& onnx = call.onnx;
  if (call.elements(0).size() != call.elements(1).size()) call.refuse("the lists differ in length");
  auto const equal = onnx.cast(onnx.emit("Equal", {call.sizes(0), call.sizes(1)}), at::kBool, at::kInt);
  return onnx.cast(onnx.reduce("ReduceMin", equal, {0}, true), at::kInt, at::kBool);
}
template <onnx_kind Kind, bool Inverted = false>
onnx_results lower_comparison(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const inverted = [&](onnx_value value) { return Inverted ? onnx.emit("Not", {value}) : value; };
  if (is_container(call.at(0)->seen[0])) return {inverted(lists_equal(call))};
  auto const dtype = meeting_dtype(call);
  auto const [x, y] = operands(call, dtype);
  return as_result(call, inverted(onnx.emit(Kind.text, {x, y})), at::kBool);
}

// --- logic -------------------------------------------------------------------------------------------------------------
/// Of any dtype: what is not 0 is true.
template <onnx_kind Kind>
onnx_results lower_logic(onnx_call const& call) {
  auto const [x, y] = operands(call, at::kBool);
  return as_result(call, call.onnx.emit(Kind.text, {x, y}), at::kBool);
}
inline onnx_results lower_logical_not(onnx_call const& call) {
  return as_result(call, call.onnx.emit("Not", {call.tensor(0, at::kBool)}), at::kBool);
}
/// x & number, of the runs of ones in the number: the bits of x from `low` to `high` are Mod(x, 2^high) - Mod(x, 2^low), as
/// ONNX's Mod of ints has the sign of the divisor. A negative number is what its complement leaves.
inline onnx_value bits_under(onnx_builder& onnx, onnx_value x, std::int64_t number) {
  if (number < 0) return onnx.emit("Sub", {x, bits_under(onnx, x, ~number)});
  auto const below = [&](int bits) { return onnx.emit("Mod", {x, onnx.integer(std::int64_t{1} << bits)}); };
  onnx_value sum;
  constexpr int most = 62;
  for (int low = 0; low <= most; ++low) {
    if ((number >> low & 1) == 0) continue;
    int high = low;
    while (number >> high & 1) ++high;
    if (high > most) return {};
    auto const run = low == 0 ? below(high) : onnx.emit("Sub", {below(high), below(low)});
    sum = sum ? onnx.emit("Add", {sum, run}) : run;
    low = high;
  }
  return sum ? sum : onnx.emit("Mul", {x, onnx.integer(0)});
}
/// x | n is x + n - (x & n), x ^ n is x + n - 2 (x & n).
inline onnx_results lower_bits_by_number(onnx_call const& call, std::string_view logic) {
  auto& onnx = call.onnx;
  int const number = call.is_constant(1) ? 1 : 0;
  bool const single = call.is_constant(number) && (!call.is_tensor(number) || call.shown(number).dim() == 0);
  auto const made = single ? bits_under(onnx, call.operand(1 - number, at::kLong), call.integer(number)) : onnx_value{};
  if (!made) call.refuse("ONNX works on the bits of two tensors from opset 18", ".opset = 18");
  if (logic == "And") return as_result(call, made, at::kLong);
  auto const sum = onnx.emit("Add", {call.operand(1 - number, at::kLong), onnx.integer(call.integer(number))});
  auto const both = logic == "Or" ? made : onnx.emit("Mul", {made, onnx.integer(2)});
  return as_result(call, onnx.emit("Sub", {sum, both}), at::kLong);
}
/// Of bools the logical operator, of ints the one of their bits.
template <onnx_kind Logic, onnx_kind Bits>
onnx_results lower_bits(onnx_call const& call) {
  auto const dtype = meeting_dtype(call);
  if (dtype == at::kBool) return lower_logic<Logic>(call);
  constexpr std::int64_t has_bits = 18;
  if (call.onnx.opset() < has_bits) return lower_bits_by_number(call, Logic.text);
  auto const [x, y] = operands(call, dtype);
  return as_result(call, call.onnx.emit(Bits.text, {x, y}), dtype);
}
/// In two's complement the bits of x turned over are -1 - x.
inline onnx_results lower_bitwise_not(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.dtype(0);
  if (dtype == at::kBool) return lower_logical_not(call);
  constexpr std::int64_t has_bits = 18;
  if (onnx.opset() >= has_bits) return {onnx.emit("BitwiseNot", {call.tensor(0)})};
  auto const ones = onnx.constant(at::scalar_tensor(dtype == at::kByte ? 255 : -1, dtype));
  return {onnx.emit("Sub", {ones, call.tensor(0)})};
}
/// A shift of ints is a product with, or a quotient by, a power of 2.
inline onnx_value power_of_two(onnx_call const& call, at::ScalarType dtype) {
  if (!is_integral(dtype)) call.refuse("expected ints to shift");
  if (!call.is_constant(1) || call.is_tensor(1)) call.refuse("expected a constant number to shift by");
  constexpr std::int64_t most = 62;
  auto const by = call.integer(1);
  if (by < 0 || by > most) call.refuse("expected a shift of 0 to 62");
  return call.onnx.constant(at::scalar_tensor(std::int64_t{1} << by, at::kLong));
}
inline onnx_results lower_left_shift(onnx_call const& call) {
  auto const power = power_of_two(call, call.dtype(0));
  return as_result(call, call.onnx.emit("Mul", {call.tensor(0, at::kLong), power}), at::kLong);
}
inline onnx_results lower_right_shift(onnx_call const& call) {
  auto const power = power_of_two(call, call.dtype(0));
  return as_result(call, floored_quotient(call.onnx, call.tensor(0, at::kLong), power, at::kLong), at::kLong);
}

// --- what kind of number -----------------------------------------------------------------------------------------------
/// x is not equal to itself where it is NaN, and nowhere in ints.
inline onnx_value is_nan(onnx_builder& onnx, onnx_value x, at::ScalarType dtype) {
  if (is_integral(dtype)) return onnx.emit("Not", {onnx.emit("Equal", {x, x})});
  return onnx.emit("IsNaN", {x});
}
/// How |x| is to infinity; ints are below.
inline onnx_value beside_infinity(onnx_call const& call, std::string const& kind, bool absolute, double infinity) {
  auto& onnx = call.onnx;
  auto const dtype = call.dtype(0);
  auto const computed = is_integral(dtype) ? at::kFloat : dtype;
  auto x = call.tensor(0, computed);
  if (absolute) x = onnx.emit("Abs", {x});
  return onnx.emit(kind, {x, onnx.scalar(infinity, computed)});
}
inline onnx_results lower_isnan(onnx_call const& call) { return {is_nan(call.onnx, call.tensor(0), call.dtype(0))}; }
inline onnx_results lower_isinf(onnx_call const& call) {
  return {beside_infinity(call, "Equal", true, std::numeric_limits<double>::infinity())};
}
inline onnx_results lower_isposinf(onnx_call const& call) {
  return {beside_infinity(call, "Equal", false, std::numeric_limits<double>::infinity())};
}
inline onnx_results lower_isneginf(onnx_call const& call) {
  return {beside_infinity(call, "Equal", false, -std::numeric_limits<double>::infinity())};
}
inline onnx_results lower_isfinite(onnx_call const& call) {
  return {beside_infinity(call, "Less", true, std::numeric_limits<double>::infinity())};
}
/// The greatest finite number of a dtype of floats.
inline double greatest_of(at::ScalarType dtype) {
  if (dtype == at::kDouble) return std::numeric_limits<double>::max();
  if (dtype == at::kHalf) return static_cast<double>(std::numeric_limits<c10::Half>::max());
  if (dtype == at::kBFloat16) return static_cast<double>(std::numeric_limits<c10::BFloat16>::max());
  return static_cast<double>(std::numeric_limits<float>::max());
}
inline onnx_results lower_nan_to_num(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.dtype(0);
  auto const x = call.tensor(0);
  if (is_integral(dtype)) return {x};
  auto const infinity = std::numeric_limits<double>::infinity();
  auto const number = [&](double value) { return onnx.scalar(value, dtype); };
  auto const replaced = [&](onnx_value condition, double value, onnx_value otherwise) {
    return onnx.emit("Where", {condition, number(value), otherwise});
  };
  auto made = replaced(is_nan(onnx, x, dtype), call.number_or("nan", 0), x);
  made = replaced(onnx.emit("Equal", {x, number(infinity)}), call.number_or("posinf", greatest_of(dtype)), made);
  return {replaced(onnx.emit("Equal", {x, number(-infinity)}), call.number_or("neginf", -greatest_of(dtype)), made)};
}
/// Equal, or finite and |x - y| <= atol + |rtol * y|.
inline onnx_value are_close(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = is_integral(call.dtype(0)) ? at::kDouble : call.dtype(0);
  auto const x = call.tensor(0, dtype), y = call.tensor(1, dtype);
  auto const number = [&](double value) { return onnx.scalar(value, dtype); };
  auto const relative = onnx.emit("Abs", {onnx.emit("Mul", {y, number(call.number_or("rtol", 1e-5))})});
  auto const allowed = onnx.emit("Add", {relative, number(call.number_or("atol", 1e-8))});
  auto const actual = onnx.emit("Abs", {onnx.emit("Sub", {x, y})});
  auto const finite = onnx.emit("Less", {actual, number(std::numeric_limits<double>::infinity())});
  auto close = onnx.emit("And", {finite, onnx.emit("LessOrEqual", {actual, allowed})});
  close = onnx.emit("Or", {onnx.emit("Equal", {x, y}), close});
  if (!call.flag("equal_nan")) return close;
  return onnx.emit("Or", {close, onnx.emit("And", {onnx.emit("IsNaN", {x}), onnx.emit("IsNaN", {y})})});
}
inline onnx_value all_true(onnx_builder& onnx, onnx_value x) {
  return onnx.cast(onnx.reduce("ReduceMin", onnx.cast(x, at::kBool, at::kInt), {}, false), at::kInt, at::kBool);
}
inline onnx_results lower_isclose(onnx_call const& call) { return {are_close(call)}; }
/// A bool that is a number of the model's code: a vector of one element.
inline onnx_results lower_allclose(onnx_call const& call) {
  return {call.onnx.unsqueeze(all_true(call.onnx, are_close(call)), {0})};
}
inline onnx_results lower_equal_tensors(onnx_call const& call) {
  auto const dtype = call.dtype(0);
  for (std::int64_t i = 0; i < call.rank(0); ++i)
    if (!call.fixed_size(0, i) || call.fixed_size(0, i) != call.fixed_size(1, i))
      call.refuse("whether the tensors have one shape depends on the inputs");
  auto const equal = call.onnx.emit("Equal", {call.tensor(0, dtype), call.tensor(1, dtype)});
  return {call.onnx.unsqueeze(all_true(call.onnx, equal), {0})};
}

// --- choice ------------------------------------------------------------------------------------------------------------
/// The places of what is not 0, a column for each: [rank, count]. A tensor without dimensions is one of one element.
inline onnx_value nonzero_places(onnx_call const& call, onnx_argument argument) {
  auto const x = call.tensor(argument, at::kBool);
  return call.onnx.emit("NonZero", {call.rank(argument) == 0 ? call.onnx.reshape(x, {1}) : x});
}
/// The places as a tensor for each axis.
inline onnx_results lower_nonzero_by_axis(onnx_call const& call) {
  auto const places = nonzero_places(call, 0);
  onnx_results all;
  for (std::int64_t i = 0; i < std::max<std::int64_t>(call.rank(0), 1); ++i)
    all.push_back(call.onnx.gather(places, call.onnx.integer(i), 0));
  return all;
}
inline onnx_results lower_where(onnx_call const& call) {
  if (call.arguments() == 1) return lower_nonzero_by_axis(call);
  auto const dtype = call.result_dtype();
  return {call.onnx.emit(
      "Where", {call.tensor("condition", at::kBool), call.operand("self", dtype), call.operand("other", dtype)})};
}
inline onnx_results lower_masked_fill(onnx_call const& call) {
  auto const dtype = call.result_dtype();
  return {call.onnx.emit("Where",
                         {call.tensor("mask", at::kBool), call.operand("value", dtype), call.tensor("self", dtype)})};
}
/// 0 below 0, 1 above, and at 0 a value.
inline onnx_results lower_heaviside(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const x = call.tensor(0, dtype), zero = onnx.scalar(0, dtype);
  auto const above = onnx.cast(onnx.emit("Greater", {x, zero}), at::kBool, dtype);
  return {onnx.emit("Where", {onnx.emit("Equal", {x, zero}), call.operand("values", dtype), above})};
}
/// Is an element one of others?
inline onnx_results lower_isin(onnx_call const& call) {
  auto& onnx = call.onnx;
  if (!call.is_tensor(0) || !call.is_tensor(1)) call.refuse("expected two tensors");
  auto const dtype = meeting_dtype(call);
  auto const x = onnx.unsqueeze(call.tensor(0, dtype), {call.rank(0)});
  auto const equal = onnx.emit("Equal", {x, onnx.reshape(call.tensor(1, dtype), {-1})});
  auto const any = onnx.reduce("ReduceMax", onnx.cast(equal, at::kBool, at::kInt), {call.rank(0)}, false);
  auto const made = onnx.cast(any, at::kInt, at::kBool);
  return {call.flag("invert") ? onnx.emit("Not", {made}) : made};
}
/// How many boundaries, which rise, lie below each element.
inline onnx_results lower_bucketize(onnx_call const& call) {
  auto& onnx = call.onnx;
  bool const search = call.name() == "aten::searchsorted";
  onnx_argument const boundaries = search ? "sorted_sequence" : "boundaries";
  if (!call.is_tensor("self") || call.rank(boundaries) != 1 || (search && (call.has("sorter") || call.has("side"))))
    call.refuse("expected a tensor and boundaries of one dimension");
  auto const dtype = at::result_type(call.shown("self"), call.shown(boundaries));
  auto const x = onnx.unsqueeze(call.tensor("self", dtype), {call.rank("self")});
  auto const below = onnx.emit(call.flag("right") ? "GreaterOrEqual" : "Greater", {x, call.tensor(boundaries, dtype)});
  auto const count = onnx.reduce("ReduceSum", onnx.cast(below, at::kBool, at::kLong), {call.rank("self")}, false);
  return as_result(call, count, at::kLong);
}
/// Of two numbers, or of a list of sizes.
template <onnx_kind Kind>
onnx_results lower_extreme_number(onnx_call const& call) {
  if (!is_container(call.at(0)->seen[0])) return lower_pair<Kind>(call);
  return {call.onnx.reduce("Reduce" + std::string(Kind.text), call.sizes(0), {0}, true)};
}

inline constexpr onnx_operator onnx_logic[] = {
    {"aten::eq", &lower_comparison<"Equal">},
    {"aten::ne", &lower_comparison<"Equal", true>},
    {"aten::not_equal", &lower_comparison<"Equal", true>},
    {"aten::lt", &lower_comparison<"Less">},
    {"aten::less", &lower_comparison<"Less">},
    {"aten::le", &lower_comparison<"LessOrEqual">},
    {"aten::less_equal", &lower_comparison<"LessOrEqual">},
    {"aten::gt", &lower_comparison<"Greater">},
    {"aten::greater", &lower_comparison<"Greater">},
    {"aten::ge", &lower_comparison<"GreaterOrEqual">},
    {"aten::greater_equal", &lower_comparison<"GreaterOrEqual">},
    {"aten::equal", &lower_equal_tensors},
    {"aten::isin", &lower_isin},
    {"aten::bucketize", &lower_bucketize},
    {"aten::searchsorted", &lower_bucketize},
    {"aten::isclose", &lower_isclose},
    {"aten::allclose", &lower_allclose},
    {"aten::logical_and", &lower_logic<"And">},
    {"aten::logical_or", &lower_logic<"Or">},
    {"aten::logical_xor", &lower_logic<"Xor">},
    {"aten::logical_not", &lower_logical_not},
    {"aten::__not__", &lower_logical_not},
    {"aten::__and__", &lower_bits<"And", "BitwiseAnd">},
    {"aten::__iand__", &lower_bits<"And", "BitwiseAnd">},
    {"aten::bitwise_and", &lower_bits<"And", "BitwiseAnd">},
    {"aten::__or__", &lower_bits<"Or", "BitwiseOr">},
    {"aten::__ior__", &lower_bits<"Or", "BitwiseOr">},
    {"aten::bitwise_or", &lower_bits<"Or", "BitwiseOr">},
    {"aten::__xor__", &lower_bits<"Xor", "BitwiseXor">},
    {"aten::__ixor__", &lower_bits<"Xor", "BitwiseXor">},
    {"aten::bitwise_xor", &lower_bits<"Xor", "BitwiseXor">},
    {"aten::bitwise_not", &lower_bitwise_not},
    {"aten::__lshift__", &lower_left_shift},
    {"aten::bitwise_left_shift", &lower_left_shift},
    {"aten::__rshift__", &lower_right_shift},
    {"aten::bitwise_right_shift", &lower_right_shift},
    {"aten::isnan", &lower_isnan},
    {"aten::isinf", &lower_isinf},
    {"aten::isposinf", &lower_isposinf},
    {"aten::isneginf", &lower_isneginf},
    {"aten::isfinite", &lower_isfinite},
    {"aten::nan_to_num", &lower_nan_to_num},
    {"aten::where", &lower_where},
    {"aten::nonzero_numpy", &lower_nonzero_by_axis, true},
    {"aten::masked_fill", &lower_masked_fill},
    {"aten::heaviside", &lower_heaviside},
    {"prim::min", &lower_extreme_number<"Min">},
    {"prim::max", &lower_extreme_number<"Max">},
};

}  // namespace torchdeploy::inline v0::detail

#endif
