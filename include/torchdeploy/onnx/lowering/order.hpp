#pragma once

#include <torchdeploy/onnx/lowering/reduction.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cstdint>
#include <vector>

/// Running sums, products and extremes, and the elements of an axis in order.
namespace torchdeploy::inline v0::detail {

// --- running sums and extremes -----------------------------------------------------------------------------------------
inline onnx_results lower_cumsum(onnx_call const& call) {
  auto const rank = call.rank("self");
  auto const dtype = call.result_dtype();
  auto const x = call.tensor("self", dtype);
  if (rank == 0) return as_result(call, x, dtype);
  return as_result(call, call.onnx.emit("CumSum", {x, call.onnx.integer(call.axis("dim", rank))}), dtype);
}
/// ONNX has no running product: an element after the other, as far as their count is known.
inline onnx_results lower_cumprod(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const rank = call.rank("self");
  auto const dtype = call.result_dtype();
  auto const x = call.tensor("self", dtype);
  if (rank == 0) return as_result(call, x, dtype);
  auto const axis = call.axis("dim", rank);
  auto const size = call.fixed_size("self", axis);
  constexpr std::int64_t most = 64;
  if (!size || *size > most) call.refuse("expected a product over an axis of 64 at most, of a fixed size");
  std::vector<onnx_value> made;
  for (std::int64_t i = 0; i < *size; ++i) {
    auto const element = onnx.gather(x, onnx.integers({i}), axis);
    made.push_back(made.empty() ? element : onnx.emit("Mul", {made.back(), element}));
  }
  if (made.empty()) return as_result(call, x, dtype);
  return as_result(call, onnx.concat(made, axis), dtype);
}

/// The greatest or least so far and its place, of equals the last one's.
template <onnx_kind Kind>
onnx_results lower_running_extreme(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const rank = call.rank("self");
  auto const x = call.tensor("self");
  if (rank == 0) return {x, onnx.integer(0)};
  auto const axis = call.axis("dim", rank);
  auto const size = call.fixed_size("self", axis);
  constexpr std::int64_t most = 64;
  if (!size || *size == 0 || *size > most) call.refuse("expected an axis of 64 at most, of a fixed size");
  std::vector<onnx_value> values, places;
  for (std::int64_t i = 0; i < *size; ++i) {
    auto const element = onnx.gather(x, onnx.integers({i}), axis);
    if (i == 0) {
      values.push_back(element);
      auto const zeros = onnx.emit("ConstantOfShape", {onnx.shape(element)}, {{"value", at::zeros({1}, at::kLong)}});
      places.push_back(zeros);
      continue;
    }
    auto const better = onnx.emit(Kind.text, {element, values.back()});
    values.push_back(onnx.emit("Where", {better, element, values.back()}));
    places.push_back(onnx.emit("Where", {better, onnx.integer(i), places.back()}));
  }
  return {onnx.concat(values, axis), onnx.concat(places, axis)};
}

// --- order -------------------------------------------------------------------------------------------------------------
/// The first `count` of an axis in order, and their places.
inline onnx_results ordered(onnx_call const& call, onnx_value x, onnx_value count, std::int64_t axis, bool descending,
                            bool sorted) {
  return call.onnx.emit_many("TopK", {x, count}, 2,
                             {{"axis", axis}, {"largest", std::int64_t{descending}}, {"sorted", std::int64_t{sorted}}});
}
inline onnx_results lower_topk(onnx_call const& call) {
  auto const rank = call.rank("self");
  if (rank == 0) return {call.tensor("self"), call.onnx.integer(0)};
  auto const axis = onnx_call::axis(call.integer_or("dim", -1), rank);
  return ordered(call, call.tensor("self"), call.sizes("k"), axis, call.flag("largest", true),
                 call.flag("sorted", true));
}
/// Of equals TopK takes the first first: it is stable in both directions.
inline onnx_results lower_sort(onnx_call const& call) {
  auto const rank = call.rank("self");
  if (rank == 0) return {call.tensor("self"), call.onnx.integer(0)};
  auto const axis = onnx_call::axis(call.integer_or("dim", -1), rank);
  return ordered(call, call.tensor("self"), call.size("self", axis), axis, call.flag("descending"), true);
}
inline onnx_results lower_msort(onnx_call const& call) {
  return {ordered(call, call.tensor("self"), call.size("self", 0), 0, false, true)[0]};
}
inline onnx_results lower_argsort(onnx_call const& call) { return {lower_sort(call)[1]}; }
/// The last of the k least.
inline onnx_results kth_of(onnx_call const& call, onnx_value k, onnx_value last, std::int64_t axis) {
  auto const least = ordered(call, call.tensor("self"), k, axis, false, true);
  onnx_results made;
  for (auto each : least) {
    each = call.onnx.gather(each, last, axis);
    made.push_back(keeps_axes(call) ? each : call.onnx.squeeze(each, {axis}));
  }
  return made;
}
inline onnx_results lower_kthvalue(onnx_call const& call) {
  auto const rank = call.rank("self");
  if (rank == 0) return {call.tensor("self"), call.onnx.integer(0)};
  auto const k = call.integer("k");
  return kth_of(call, call.onnx.integers({k}), call.onnx.integers({k - 1}), call.axis("dim", rank));
}
/// How many elements it has, as a vector of one number.
inline onnx_value all_elements(onnx_call const& call) {
  std::vector<onnx_value> sizes;
  for (auto const each : all_axes(call.rank("self"))) sizes.push_back(call.size("self", each));
  return product(call.onnx, sizes);
}
/// The lower of the two in the middle. Which of equals it is, LibTorch does not say.
inline onnx_results lower_median(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const rank = call.rank("self");
  if (rank == 0) return {call.tensor("self"), onnx.integer(0)};
  bool const whole = call.arguments() == 1;
  if (!whole && call.is_used(1)) call.refuse("the place of a median among equals is not defined");
  auto const axis = whole ? 0 : call.axis("dim", rank);
  auto const x = whole && rank > 1 ? onnx.reshape(call.tensor("self"), {-1}) : call.tensor("self");
  auto const size = whole ? all_elements(call) : call.size("self", axis);
  auto const fixed = onnx.constant_of(size);
  auto const last = fixed ? onnx.integers({(fixed->item().toLong() - 1) / 2})
                          : onnx.emit("Div", {onnx.emit("Sub", {size, onnx.integers({1})}), onnx.integers({2})});
  auto made = ordered(call, x, sum_of(onnx, last, onnx.integers({1})), axis, false, true);
  made[0] = onnx.gather(made[0], last, axis);
  if (whole || !keeps_axes(call)) made[0] = onnx.squeeze(made[0], {axis});
  return made;
}
/// The q-th parts of an axis, which is in order then; between two elements by their distances.
inline onnx_results lower_quantile(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const rank = call.rank("self");
  if (call.has("interpolation") && call.text("interpolation") != "linear")
    call.refuse("expected it to be linear between two elements");
  bool const whole = !call.has("dim") || rank == 0;
  auto const axis = whole ? 0 : call.axis("dim", rank);
  auto const x = whole ? onnx.reshape(call.tensor("self"), {-1}) : call.tensor("self");
  auto const size = whole ? all_elements(call) : call.size("self", axis);
  auto const sorted = ordered(call, x, size, axis, false, true)[0];
  auto const last = onnx.cast(onnx.emit("Sub", {size, onnx.integers({1})}), at::kLong, dtype);
  bool const single = !call.is_tensor("q") || call.rank("q") == 0;
  auto const parts =
      call.is_tensor("q") ? onnx.reshape(call.tensor("q", dtype), {-1}) : onnx.reshape(call.operand("q", dtype), {1});
  auto const place = onnx.emit("Mul", {parts, last});
  auto const below = onnx.emit("Floor", {place});
  auto const at = [&](onnx_value places) { return onnx.gather(sorted, onnx.cast(places, dtype, at::kLong), axis); };
  auto const low = at(below), high = at(onnx.emit("Ceil", {place}));
  auto const sorted_rank = whole ? 1 : rank;
  std::vector<std::int64_t> shape(static_cast<std::size_t>(sorted_rank), 1);
  shape[static_cast<std::size_t>(axis)] = -1;
  auto const way = onnx.reshape(onnx.emit("Sub", {place, below}), shape);
  auto made = onnx.emit("Add", {low, onnx.emit("Mul", {onnx.emit("Sub", {high, low}), way})});
  bool const keep = keeps_axes(call);
  if (single && !keep) return {onnx.squeeze(made, {axis})};
  if (single) return {whole ? onnx.reshape(made, std::vector<std::int64_t>(static_cast<std::size_t>(rank), 1)) : made};
  auto order = all_axes(sorted_rank);  // the parts go first
  order.erase(order.begin() + axis);
  order.insert(order.begin(), axis);
  made = onnx.transpose(made, order);
  if (!keep) return {made};
  if (whole && rank > 1) call.refuse("expected an axis to keep");
  return {onnx.unsqueeze(made, {axis + 1})};
}

inline constexpr onnx_operator onnx_order[] = {
    {"aten::cumsum", &lower_cumsum},
    {"aten::cumprod", &lower_cumprod},
    {"aten::topk", &lower_topk},
    {"aten::sort", &lower_sort},
    {"aten::msort", &lower_msort},
    {"aten::argsort", &lower_argsort},
    {"aten::kthvalue", &lower_kthvalue},
    {"aten::median", &lower_median},
    {"aten::cummax", &lower_running_extreme<"GreaterOrEqual">},
    {"aten::cummin", &lower_running_extreme<"LessOrEqual">},
    {"aten::quantile", &lower_quantile},
};

}  // namespace torchdeploy::inline v0::detail

#endif
