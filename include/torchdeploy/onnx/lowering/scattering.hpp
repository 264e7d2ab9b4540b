#pragma once

#include <torchdeploy/onnx/lowering/indexing.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

/// Writing to the places that a tensor names, along an axis.
namespace torchdeploy::inline v0::detail {

// --- element by element ------------------------------------------------------------------------------------------------
/// LibTorch reads as much of the source as the index has elements; ONNX wants both of one shape.
inline onnx_value source_of_index(onnx_call const& call, onnx_argument source) {
  auto& onnx = call.onnx;
  auto const dtype = call.dtype("self");
  if (!call.is_tensor(source) || (call.rank(source) == 0 && call.rank("index") != 0))
    return onnx.expand(call.operand(source, dtype), call.shape("index"));
  auto const x = onnx.cast(with_dimension(call, source), call.dtype(source), dtype);
  bool same = true;
  for (std::int64_t i = 0; i < call.rank("index"); ++i)
    same = same && call.shown(source).size(i) == call.shown("index").size(i) &&
           call.fixed_size(source, i) == call.fixed_size("index", i);
  if (same) return x;
  auto const rank = call.rank("index");
  return onnx.emit("Slice", {x, onnx.integers(std::vector<std::int64_t>(static_cast<std::size_t>(rank), 0)),
                             call.shape("index"), onnx.integers(all_axes(rank))});
}
inline onnx_value scattered(onnx_call const& call, onnx_value x, onnx_value source, std::string const& reduction) {
  auto const rank = call.rank("self");
  auto attributes = reduction_attribute(call, reduction);
  attributes.push_back({"axis", rank == 0 ? 0 : call.axis("dim", rank)});
  return call.onnx.emit("ScatterElements", {x, with_dimension(call, "index"), source}, std::move(attributes));
}
inline onnx_results as_self(onnx_call const& call, onnx_value made) {
  return {call.rank("self") == 0 ? call.onnx.reshape(made, {}) : made};
}
inline onnx_results lower_scatter(onnx_call const& call) {
  std::string reduction;
  if (call.has("reduce")) reduction = call.text("reduce") == "add" ? "add" : "mul";
  auto const source = source_of_index(call, call.has("src") ? onnx_argument("src") : onnx_argument("value"));
  return as_self(call, scattered(call, with_dimension(call, "self"), source, reduction));
}
inline onnx_results lower_scatter_add(onnx_call const& call) {
  return as_self(call, scattered(call, with_dimension(call, "self"), source_of_index(call, "src"), "add"));
}
/// What changes nothing when it is combined with another number.
inline at::Tensor neutral_of(std::string const& reduction, at::ScalarType dtype) {
  if (reduction == "add" || reduction == "mul") return at::scalar_tensor(reduction == "mul" ? 1 : 0, dtype);
  return extreme_of(dtype, reduction == "min");
}
/// Where `include_self` is false, what was there is replaced first by what changes nothing.
inline onnx_results lower_scatter_reduce(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const reduce = call.text("reduce");
  auto const dtype = call.dtype("self");
  bool const mean = reduce == "mean", whole = call.flag("include_self", true);
  std::string const kind = reduce == "sum" || mean ? "add"
                           : reduce == "prod"      ? "mul"
                           : reduce == "amax"      ? "max"
                                                   : "min";
  auto const like_index = [&](at::Tensor const& value) {
    return onnx.expand(onnx.constant(value), call.shape("index"));
  };
  auto const source = source_of_index(call, "src");
  auto x = with_dimension(call, "self");
  if (!whole) x = scattered(call, x, like_index(neutral_of(kind, dtype)), "");
  auto const made = scattered(call, x, source, kind);
  if (!mean) return as_self(call, made);
  auto const one = at::scalar_tensor(1, dtype);
  auto count = onnx.expand(onnx.constant(one), call.shape("self"));
  if (!whole) count = scattered(call, count, like_index(at::scalar_tensor(0, dtype)), "");
  count = scattered(call, count, like_index(one), "add");
  return as_self(call,
                 is_integral(dtype) ? floored_quotient(onnx, made, count, dtype) : onnx.emit("Div", {made, count}));
}

// --- row by row --------------------------------------------------------------------------------------------------------
/// x with rows along an axis, at the places of a vector, replaced or added to.
inline onnx_value with_rows(onnx_call const& call, std::int64_t axis, onnx_value places, onnx_value rows,
                            std::string const& reduction = {}) {
  auto& onnx = call.onnx;
  auto order = all_axes(call.rank("self"));
  std::swap(order[0], order[static_cast<std::size_t>(axis)]);
  auto const written =
      onnx.emit("ScatterND",
                {onnx.transpose(call.tensor("self"), order), onnx.unsqueeze(places, {1}), onnx.transpose(rows, order)},
                reduction_attribute(call, reduction));
  return onnx.transpose(written, order);
}
inline onnx_value places_of_rows(onnx_call const& call) {
  return call.onnx.cast(with_dimension(call, "index"), call.dtype("index"), at::kLong);
}
inline std::int64_t axis_of_rows(onnx_call const& call) {
  auto const rank = call.rank("self");
  if (rank == 0) call.refuse("it is of one number");
  return call.axis("dim", rank);
}
inline onnx_value rows_to_write(onnx_call const& call, std::int64_t axis) {
  auto const rows = call.tensor("source", call.dtype("self"));
  return call.rank("source") < call.rank("self") ? call.onnx.unsqueeze(rows, {axis}) : rows;
}
inline onnx_results lower_index_add(onnx_call const& call) {
  auto const axis = axis_of_rows(call);
  auto const rows = scaled_by_alpha(call, rows_to_write(call, axis), call.dtype("self"));
  return {with_rows(call, axis, places_of_rows(call), rows, "add")};
}
inline onnx_results lower_index_copy(onnx_call const& call) {
  auto const axis = axis_of_rows(call);
  return {with_rows(call, axis, places_of_rows(call), rows_to_write(call, axis))};
}
inline onnx_results lower_index_fill(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const axis = axis_of_rows(call);
  std::vector<onnx_value> sizes;
  for (auto const each : all_axes(call.rank("self")))
    sizes.push_back(each != axis              ? call.size("self", each)
                    : call.rank("index") == 0 ? onnx.integers({1})
                                              : call.size("index", 0));
  auto const rows = onnx.expand(call.operand("value", call.dtype("self")), onnx.concat(sizes, 0));
  return {with_rows(call, axis, places_of_rows(call), rows)};
}
inline onnx_results lower_select_scatter(onnx_call const& call) {
  auto const axis = axis_of_rows(call);
  auto const rows = call.onnx.unsqueeze(call.tensor("src", call.dtype("self")), {axis});
  return {with_rows(call, axis, call.sizes("index"), rows)};
}
inline onnx_results lower_slice_scatter(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const axis = axis_of_rows(call);
  auto const all = counted(onnx, call.size("self", axis));
  auto const places = onnx.slice(all, 0, call.has("start") ? call.sizes("start") : onnx.integers({0}),
                                 call.has("end") ? call.sizes("end") : onnx_value{}, call.integer_or("step", 1));
  return {with_rows(call, axis, places, call.tensor("src", call.dtype("self")))};
}

inline constexpr onnx_operator onnx_scattering[] = {
    {"aten::scatter", &lower_scatter},
    {"aten::scatter_add", &lower_scatter_add},
    {"aten::scatter_reduce", &lower_scatter_reduce},
    {"aten::index_add", &lower_index_add},
    {"aten::index_copy", &lower_index_copy},
    {"aten::index_fill", &lower_index_fill},
    {"aten::select_scatter", &lower_select_scatter},
    {"aten::slice_scatter", &lower_slice_scatter},
};

}  // namespace torchdeploy::inline v0::detail

#endif
