#pragma once

#include <torchdeploy/onnx/lowering/logic.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

/// What makes one number of many: sums, extremes, norms, moments.
namespace torchdeploy::inline v0::detail {

/// The axes that a reduction goes over: all of them where none is named.
inline std::vector<std::int64_t> reduced_axes(onnx_call const& call, onnx_argument argument = "dim") {
  auto const rank = call.rank("self");
  auto axes = call.has(argument) ? call.axes(argument, rank) : std::vector<std::int64_t>();
  if (rank == 0) axes.clear();
  std::sort(axes.begin(), axes.end());
  return axes;
}
inline bool keeps_axes(onnx_call const& call) { return call.has("keepdim") && call.flag("keepdim"); }

/// A reduction; of a tensor without dimensions what it makes of one element.
inline onnx_value reduced(onnx_call const& call, std::string const& kind, onnx_value x,
                          std::vector<std::int64_t> const& axes, bool keep) {
  if (call.rank("self") == 0 && kind != "ReduceL2") return x;
  return call.onnx.reduce(kind, x, axes, keep);
}

/// mean, sum, prod: in the dtype of the result.
template <onnx_kind Kind>
onnx_results lower_reduction(onnx_call const& call) {
  auto const dtype = call.result_dtype();
  return as_result(call, reduced(call, Kind.text, call.tensor("self", dtype), reduced_axes(call), keeps_axes(call)),
                   dtype);
}
inline onnx_results lower_count_nonzero(onnx_call const& call) {
  auto const counted = call.onnx.cast(call.tensor("self", at::kBool), at::kBool, at::kLong);
  return {reduced(call, "ReduceSum", counted, reduced_axes(call), false)};
}
inline onnx_results lower_nansum(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const x = call.tensor("self");
  auto const kept = onnx.emit("Where", {is_nan(onnx, x, call.dtype("self")), onnx.scalar(0, call.dtype("self")), x});
  auto const sum =
      reduced(call, "ReduceSum", onnx.cast(kept, call.dtype("self"), dtype), reduced_axes(call), keeps_axes(call));
  return as_result(call, sum, dtype);
}

/// any is the greatest of 0 and 1, all the least. Of uint8 LibTorch gives uint8.
template <onnx_kind Kind>
onnx_results lower_any(onnx_call const& call) {
  if (is_container(call.at(0)->seen[0])) call.refuse("expected a tensor");
  auto const x = call.onnx.cast(call.tensor("self", at::kBool), at::kBool, at::kInt);
  return as_result(call, reduced(call, Kind.text, x, reduced_axes(call), keeps_axes(call)), at::kInt);
}

// --- extremes ----------------------------------------------------------------------------------------------------------
/// The place of the greatest or least element of an axis, the first of several.
inline onnx_value place_of_extreme(onnx_call const& call, bool greatest, onnx_value x, std::int64_t axis, bool keep) {
  return call.onnx.emit(greatest ? "ArgMax" : "ArgMin", {x}, {{"axis", axis}, {"keepdims", std::int64_t{keep}}});
}
template <bool Greatest>
onnx_results lower_amax(onnx_call const& call) {
  auto const dtype = call.dtype("self");
  auto const made = reduced(call, Greatest ? "ReduceMax" : "ReduceMin", call.tensor("self", dtype), reduced_axes(call),
                            keeps_axes(call));
  return as_result(call, made, dtype);
}
/// Of all elements; of an axis, with their places; of two tensors.
template <bool Greatest>
onnx_results lower_max(onnx_call const& call) {
  auto& onnx = call.onnx;
  if (call.arguments() > 1 && call.has("other"))
    return lower_pair < Greatest ? onnx_kind{"Max"} : onnx_kind{"Min"} > (call);
  auto const dtype = call.dtype("self");
  auto const x = call.tensor("self", dtype);
  std::string const kind = Greatest ? "ReduceMax" : "ReduceMin";
  if (call.arguments() == 1) return as_result(call, reduced(call, kind, x, {}, false), dtype);
  if (call.rank("self") == 0) return {call.tensor("self"), onnx.integer(0)};
  auto const axis = call.axis("dim", call.rank("self"));
  bool const keep = keeps_axes(call);
  onnx_results made{onnx.reduce(kind, x, {axis}, keep), {}};
  if (call.is_used(1)) made[1] = place_of_extreme(call, Greatest, x, axis, keep);
  return made;
}
template <bool Greatest>
onnx_results lower_argmax(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const rank = call.rank("self");
  auto const x = call.tensor("self");
  if (rank == 0) return {onnx.integer(0)};
  if (call.has("dim")) return {place_of_extreme(call, Greatest, x, call.axis("dim", rank), keeps_axes(call))};
  auto const place = place_of_extreme(call, Greatest, rank == 1 ? x : onnx.reshape(x, {-1}), 0, false);
  if (!keeps_axes(call)) return {place};
  return {onnx.reshape(place, std::vector<std::int64_t>(static_cast<std::size_t>(rank), 1))};
}
inline onnx_results lower_aminmax(onnx_call const& call) {
  auto const dtype = call.dtype("self");
  auto const x = call.tensor("self", dtype);
  onnx_results made;
  for (auto const* kind : {"ReduceMin", "ReduceMax"})
    made.push_back(reduced(call, kind, x, reduced_axes(call), keeps_axes(call)));
  return made;
}

// --- moments -----------------------------------------------------------------------------------------------------------
/// How many elements a reduction takes, without dimensions: a constant where the sizes are fixed.
inline onnx_value count_of(onnx_call const& call, std::vector<std::int64_t> axes, at::ScalarType dtype) {
  if (axes.empty()) axes = all_axes(call.rank("self"));
  std::vector<onnx_value> sizes;
  for (auto const each : axes) sizes.push_back(call.size("self", each));
  return call.onnx.cast(without_dimension(call.onnx, product(call.onnx, sizes)), at::kLong, dtype);
}
/// Variance and mean. What the sum of squares is divided by: the count less the correction, 1 where none is given.
inline std::pair<onnx_value, onnx_value> variance_and_mean(onnx_call const& call, at::ScalarType dtype) {
  auto& onnx = call.onnx;
  auto const x = call.tensor("self", dtype);
  auto const axes = reduced_axes(call);
  bool const keep = keeps_axes(call);
  auto const correction = call.has("unbiased") ? (call.flag("unbiased") ? 1.0 : 0.0) : call.number_or("correction", 1);
  auto const centre = onnx.reduce("ReduceMean", x, axes, true);
  auto const apart = onnx.emit("Sub", {x, centre});
  auto const square = onnx.emit("Mul", {apart, apart});
  auto const mean = keep ? centre : onnx.reduce("ReduceMean", x, axes, false);  // dropped where nobody reads it
  if (correction == 0) return {onnx.reduce("ReduceMean", square, axes, keep), mean};
  auto const count = count_of(call, axes, dtype);
  auto const sum = onnx.reduce("ReduceSum", square, axes, keep);
  auto const known = onnx.constant_of(count);
  // LibTorch divides by 0 where there are no more elements than the correction
  auto const divisor =
      known ? onnx.scalar(1 / std::max(0.0, known->item().toDouble() - correction), dtype)
            : onnx.emit("Max", {onnx.emit("Sub", {count, onnx.scalar(correction, dtype)}), onnx.scalar(0, dtype)});
  // not as a quotient: of a sum by a constant OpenVINO 2026.4 makes a wrong mean in double
  if (known) return {onnx.emit("Mul", {sum, divisor}), mean};
  return {onnx.emit("Div", {sum, divisor}), mean};
}
template <bool Root, bool WithMean>
onnx_results lower_variance(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = statistics_dtype(call.result_dtype());
  if (call.rank("self") == 0) call.refuse("it is of one number");
  auto [spread, mean] = variance_and_mean(call, dtype);
  if (Root) spread = onnx.emit("Sqrt", {spread});
  onnx_results made{onnx.cast(spread, dtype, call.result_dtype())};
  if (WithMean) made.push_back(onnx.cast(mean, dtype, call.result_dtype(1)));
  return made;
}

// --- norms -------------------------------------------------------------------------------------------------------------
/// (sum |x|^p)^(1/p), not by ReduceL1, which OpenVINO 2026.4 takes over all axes where some are named; with its limits: how many are not 0, the greatest, the least.
inline onnx_value norm_of(onnx_call const& call, double order, std::vector<std::int64_t> const& axes, bool keep,
                          at::ScalarType dtype) {
  auto& onnx = call.onnx;
  auto const x = call.tensor("self", dtype);
  if (order == 2) return reduced(call, "ReduceL2", x, axes, keep);
  if (order == 0) {
    auto const is_one = onnx.cast(onnx.cast(x, dtype, at::kBool), at::kBool, dtype);
    return reduced(call, "ReduceSum", is_one, axes, keep);
  }
  auto const size = onnx.emit("Abs", {x});
  if (order == 1) return reduced(call, "ReduceSum", size, axes, keep);
  if (std::isinf(order)) return reduced(call, order > 0 ? "ReduceMax" : "ReduceMin", size, axes, keep);
  auto const sum = reduced(call, "ReduceSum", onnx.emit("Pow", {size, onnx.scalar(order, dtype)}), axes, keep);
  return onnx.emit("Pow", {sum, onnx.scalar(1 / order, dtype)});
}
/// The order: a number, "fro" or "nuc", or None.
inline double order_of_norm(onnx_call const& call, onnx_argument argument) {
  if (!call.has(argument)) return 2;
  auto const& given = call.constant(argument);
  if (!given.isString()) return given.toScalar().toDouble();
  if (given.toStringRef() != "fro") call.refuse("expected a norm of elements, got '" + given.toStringRef() + "'");
  return 2;
}
/// Of a matrix the greatest or least sum of a column (1, -1) or of a row (infinity, -infinity), or that of all squares.
inline onnx_results lower_matrix_norm(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = statistics_dtype(call.result_dtype());
  auto const rank = call.rank("self");
  auto const given = call.has("dim") ? call.axes("dim", rank) : std::vector{rank - 2, rank - 1};
  bool const keep = keeps_axes(call);
  if (!call.has("ord") || call.constant("ord").isString()) {
    auto const order = order_of_norm(call, "ord");
    return as_result(call, norm_of(call, order, given, keep, dtype), dtype);
  }
  auto const order = call.number("ord");
  if (std::abs(order) != 1 && !std::isinf(order)) call.refuse("it needs singular values, which ONNX has not");
  auto const summed = given[std::isinf(order) ? 1 : 0], compared = given[std::isinf(order) ? 0 : 1];
  auto const sums = onnx.reduce("ReduceSum", onnx.emit("Abs", {call.tensor("self", dtype)}), {summed}, true);
  auto const made = onnx.reduce(order > 0 ? "ReduceMax" : "ReduceMin", sums, {compared}, true);
  return as_result(call, keep ? made : onnx.squeeze(made, given), dtype);
}
inline onnx_results lower_norm(onnx_call const& call) {
  auto const dtype = statistics_dtype(call.result_dtype());
  bool const has_p = call.name() == "aten::norm";
  bool const frobenius = call.name() == "aten::frobenius_norm";
  auto const order = frobenius ? 2.0 : has_p ? order_of_norm(call, "p") : order_of_norm(call, "ord");
  auto const axes = reduced_axes(call);
  bool const of_vectors = call.name() == "aten::linalg_vector_norm" || has_p || frobenius;
  if (!of_vectors && call.has("ord")) {
    bool const matrix = axes.size() == 2 || (axes.empty() && call.rank("self") == 2);
    if (matrix && !call.constant("ord").isString()) return lower_matrix_norm(call);
  }
  return as_result(call, norm_of(call, order, axes, keeps_axes(call), dtype), dtype);
}
/// The distances of all rows of one matrix to all of another.
inline onnx_results lower_cdist(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const a = call.rank(0), b = call.rank(1), rank = std::max(a, b);
  auto const apart = onnx.emit(
      "Sub", {onnx.unsqueeze(call.tensor(0, dtype), {a - 1}), onnx.unsqueeze(call.tensor(1, dtype), {b - 2})});
  auto const p = call.number_or("p", 2);
  if (p == 2) return as_result(call, onnx.reduce("ReduceL2", apart, {rank}, false), dtype);
  if (p == 1) return as_result(call, onnx.reduce("ReduceSum", onnx.emit("Abs", {apart}), {rank}, false), dtype);
  if (!std::isinf(p)) call.refuse("expected p of 1, 2 or infinity");
  return as_result(call, onnx.reduce("ReduceMax", onnx.emit("Abs", {apart}), {rank}, false), dtype);
}
/// a x b: of each axis of space the product of the two others, less the one the other way round.
inline onnx_results lower_cross(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const rank = call.result_rank();
  std::int64_t axis = -1;
  if (call.has("dim")) axis = call.axis("dim", rank) - rank;
  if (!call.has("dim"))
    for (std::int64_t i = rank; i-- > 0;)
      if (call.fixed_result_size(i) == 3) axis = i - rank;  // the first of three
  auto const turned = [&](onnx_argument side, std::vector<std::int64_t> const& order) {
    return onnx.gather(call.tensor(side, dtype), onnx.integers(order), axis);
  };
  auto const one = onnx.emit("Mul", {turned(0, {1, 2, 0}), turned(1, {2, 0, 1})}),
             other = onnx.emit("Mul", {turned(0, {2, 0, 1}), turned(1, {1, 2, 0})});
  return as_result(call, onnx.emit("Sub", {one, other}), dtype);
}
/// With the greatest taken out, unless it is infinite. OpenVINO 2026.4 reduces all axes where ReduceLogSumExp names some.
inline onnx_results lower_logsumexp(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = statistics_dtype(call.result_dtype());
  auto const axes = reduced_axes(call);
  auto const x = call.tensor("self", dtype);
  if (call.rank("self") == 0) return as_result(call, x, dtype);
  auto const infinity = onnx.scalar(std::numeric_limits<double>::infinity(), dtype);
  auto const greatest = onnx.reduce("ReduceMax", x, axes, true);
  auto const endless = onnx.emit("Equal", {onnx.emit("Abs", {greatest}), infinity});
  auto const centre = onnx.emit("Where", {endless, onnx.scalar(0, dtype), greatest});
  auto const sum = onnx.reduce("ReduceSum", onnx.emit("Exp", {onnx.emit("Sub", {x, centre})}), axes, true);
  auto const made = onnx.emit("Add", {onnx.emit("Log", {sum}), centre});
  if (keeps_axes(call)) return as_result(call, made, dtype);
  return as_result(call, onnx.squeeze(made, axes.empty() ? all_axes(call.rank("self")) : axes), dtype);
}

inline constexpr onnx_operator onnx_reductions[] = {
    {"aten::mean", &lower_reduction<"ReduceMean">},
    {"aten::sum", &lower_reduction<"ReduceSum">},
    {"aten::prod", &lower_reduction<"ReduceProd">},
    {"aten::nansum", &lower_nansum},
    {"aten::logsumexp", &lower_logsumexp},
    {"aten::count_nonzero", &lower_count_nonzero},
    {"aten::any", &lower_any<"ReduceMax">},
    {"aten::all", &lower_any<"ReduceMin">},
    {"aten::amax", &lower_amax<true>},
    {"aten::amin", &lower_amax<false>},
    {"aten::max", &lower_max<true>},
    {"aten::min", &lower_max<false>},
    {"aten::argmax", &lower_argmax<true>},
    {"aten::argmin", &lower_argmax<false>},
    {"aten::aminmax", &lower_aminmax},
    {"aten::var", &lower_variance<false, false>},
    {"aten::std", &lower_variance<true, false>},
    {"aten::var_mean", &lower_variance<false, true>},
    {"aten::std_mean", &lower_variance<true, true>},
    {"aten::norm", &lower_norm},
    {"aten::frobenius_norm", &lower_norm},
    {"aten::linalg_norm", &lower_norm},
    {"aten::linalg_vector_norm", &lower_norm},
    {"aten::linalg_matrix_norm", &lower_matrix_norm},
    {"aten::cdist", &lower_cdist},
    {"aten::cross", &lower_cross},
    {"aten::linalg_cross", &lower_cross},
};

}  // namespace torchdeploy::inline v0::detail

#endif
