#pragma once

#include <torchdeploy/onnx/lowering/order.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Parts of a tensor along its axes, their order, its triangles and diagonals, and windows over it.
namespace torchdeploy::inline v0::detail {

inline constexpr std::int64_t onnx_to_the_end = std::numeric_limits<std::int64_t>::max();

// --- one part ----------------------------------------------------------------------------------------------------------
inline onnx_results lower_select(onnx_call const& call) {
  return {call.onnx.gather(call.tensor(0), int_operand(call, "index"), call.axis("dim", call.rank(0)))};
}
inline onnx_results lower_slice(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const axis = call.axis("dim", call.rank(0));
  auto const step = call.integer_or("step", 1);
  auto const known = [&](char const* name, std::int64_t otherwise) -> std::optional<std::int64_t> {
    if (!call.has(name)) return otherwise;
    return call.is_constant(name) ? std::optional(call.integer(name)) : std::nullopt;
  };
  auto const start = known("start", 0), end = known("end", onnx_to_the_end);
  auto const size = call.fixed_size(0, axis);
  bool const from_first = start == 0 || (start && size && *start <= -*size);
  bool const to_last = end == onnx_to_the_end || (end && size && *end >= *size);
  if (from_first && to_last && step == 1) return {call.tensor(0)};
  return {onnx.slice(call.tensor(0), axis, start ? onnx.integers({*start}) : call.sizes("start"),
                     end ? onnx.integers({*end}) : call.sizes("end"), step)};
}
/// A start that is not known may be negative: then one slice is not enough.
inline onnx_results lower_narrow(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const axis = call.axis("dim", call.rank(0));
  auto const x = call.tensor(0);
  auto const length = call.sizes("length");
  if (!call.is_constant("start")) {
    auto const start =
        call.is_tensor("start") ? onnx.reshape(call.tensor("start", at::kLong), {1}) : call.sizes("start");
    return {onnx.slice(onnx.slice(x, axis, start, {}), axis, onnx.integers({0}), length)};
  }
  auto const start = call.integer("start");
  if (auto const known = onnx.constant_of(length); known && start < 0 && start + known->item().toLong() >= 0)
    return {onnx.slice(x, axis, onnx.integers({start}), {})};
  return {onnx.slice(x, axis, onnx.integers({start}), sum_of(onnx, onnx.integers({start}), length))};
}

// --- all parts ---------------------------------------------------------------------------------------------------------
inline onnx_results parts_of(onnx_call const& call, std::vector<std::int64_t> const& sizes, std::int64_t axis) {
  if (sizes.size() == 1) return {call.tensor(0)};
  return call.onnx.emit_many("Split", {call.tensor(0), call.onnx.integers(sizes)}, sizes.size(), {{"axis", axis}});
}
/// Parts of `each` elements, the last one smaller.
inline std::vector<std::int64_t> even_sizes(std::int64_t size, std::int64_t each) {
  std::vector<std::int64_t> all;
  for (std::int64_t at = 0; at < size; at += each) all.push_back(std::min(each, size - at));
  if (all.empty()) all.push_back(0);
  return all;
}
inline onnx_results lower_split(onnx_call const& call) {
  auto const axis = call.axis("dim", call.rank(0));
  auto const size = call.fixed_size(0, axis);
  if (is_container(call.at(1)->seen[0])) {  // of the sizes given
    auto const count = call.elements(1).size();
    if (call.is_constant(1)) return parts_of(call, call.integers(1), axis);
    return call.onnx.emit_many("Split", {call.tensor(0), call.sizes(1)}, count, {{"axis", axis}});
  }
  if (!size || !call.is_constant(1)) call.refuse("how many parts there are depends on the sizes of the inputs");
  return parts_of(call, even_sizes(*size, std::max<std::int64_t>(1, call.integer(1))), axis);
}
inline onnx_results chunks_of(onnx_call const& call, std::int64_t chunks, std::int64_t axis) {
  auto& onnx = call.onnx;
  if (auto const size = call.fixed_size(0, axis))
    return parts_of(call, even_sizes(*size, std::max<std::int64_t>(1, (*size + chunks - 1) / chunks)), axis);
  constexpr std::int64_t counts_parts = 18;
  if (onnx.opset() >= counts_parts && chunks > 1)
    return onnx.emit_many("Split", {call.tensor(0)}, static_cast<std::size_t>(chunks),
                          {{"axis", axis}, {"num_outputs", chunks}});
  auto const size = call.size(0, axis), count = onnx.integers({chunks});
  auto const each = onnx.emit("Div", {onnx.emit("Add", {size, onnx.integers({chunks - 1})}), count});
  onnx_results all;
  auto start = onnx.integers({0});
  for (std::int64_t i = 0; i < chunks; ++i) {
    auto const end = i + 1 == chunks ? onnx_value{} : i == 0 ? each : onnx.emit("Add", {start, each});
    all.push_back(onnx.slice(call.tensor(0), axis, start, end));
    start = end;
  }
  return all;
}
inline onnx_results lower_chunk(onnx_call const& call) {
  return chunks_of(call, call.integer("chunks"), call.axis("dim", call.rank(0)));
}
inline onnx_results lower_constant_chunk(onnx_call const& call) {
  return chunks_of(call, call.node()->i(c10::Symbol::attr("chunks")),
                   onnx_call::axis(call.node()->i(c10::Symbol::attr("dim")), call.rank(0)));
}
/// Into a number of parts whose sizes differ by 1 at most, or at given places.
inline onnx_results lower_tensor_split(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const axis = call.axis("dim", call.rank(0));
  std::vector<onnx_value> ends;
  auto const& given = call.constant(1);
  bool const at_places = given.isList() || (given.isTensor() && given.toTensor().dim() == 1);
  if (at_places) {
    std::vector<std::int64_t> places = given.isList() ? call.integers(1) : std::vector<std::int64_t>();
    if (given.isTensor())
      for (std::int64_t i = 0; i < given.toTensor().numel(); ++i) places.push_back(given.toTensor()[i].item().toLong());
    for (auto const each : places) ends.push_back(onnx.integers({each}));
  } else {
    auto const count = call.integer(1);
    auto const size = call.size(0, axis);
    auto const known = onnx.constant_of(size);
    for (std::int64_t i = 1; i < count; ++i) {
      if (known) {
        auto const whole = known->item().toLong();
        ends.push_back(onnx.integers({i * (whole / count) + std::min(i, whole % count)}));
        continue;
      }
      auto const each = onnx.emit("Div", {size, onnx.integers({count})});
      auto const more = onnx.emit("Min", {onnx.emit("Mod", {size, onnx.integers({count})}), onnx.integers({i})});
      ends.push_back(onnx.emit("Add", {onnx.emit("Mul", {each, onnx.integers({i})}), more}));
    }
  }
  onnx_results all;
  auto start = onnx.integers({0});
  for (auto const end : ends) {
    all.push_back(onnx.slice(call.tensor(0), axis, start, end));
    start = end;
  }
  all.push_back(onnx.slice(call.tensor(0), axis, start, {}));
  return all;
}
inline onnx_results lower_unbind(onnx_call const& call) {
  auto const axis = call.axis("dim", call.rank(0));
  auto const size = call.fixed_size(0, axis);
  if (!size) call.refuse("how many tensors it gives depends on the sizes of the inputs");
  onnx_results all;
  for (std::int64_t i = 0; i < *size; ++i) all.push_back(call.onnx.gather(call.tensor(0), call.onnx.integer(i), axis));
  return all;
}

// --- another order -----------------------------------------------------------------------------------------------------
inline onnx_value rolled(onnx_call const& call, onnx_value x, std::int64_t axis, symbol const& shift,
                         onnx_value open_size, std::optional<std::int64_t> size) {
  auto& onnx = call.onnx;
  onnx_value start;  // of what comes first
  if (size && dependence_of(shift) == dependence::none) {
    if (*size == 0) return x;
    auto const first = ((-shift->seen[0].toInt()) % *size + *size) % *size;
    if (first == 0) return x;
    start = onnx.integers({first});
  } else {
    start = onnx.emit("Mod", {onnx.emit("Neg", {call.number_vector(shift)}), open_size});
  }
  return onnx.concat({onnx.slice(x, axis, start, {}), onnx.slice(x, axis, onnx.integers({0}), start)}, axis);
}
inline onnx_results lower_roll(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const rank = call.rank(0);
  auto const& shifts = call.elements("shifts");
  auto axes = call.axes("dims", rank);
  auto x = call.tensor(0);
  if (axes.empty()) {
    auto const flat = rank == 1 ? x : onnx.reshape(x, {-1});
    std::vector<onnx_value> sizes;
    std::optional<std::int64_t> fixed = 1;
    for (auto const each : all_axes(rank)) {
      sizes.push_back(call.size(0, each));
      auto const size = call.fixed_size(0, each);
      fixed = fixed && size ? std::optional(*fixed * *size) : std::nullopt;
    }
    auto const made = rolled(call, flat, 0, shifts.at(0), product(onnx, sizes), fixed);
    return {rank == 1 ? made : onnx.emit("Reshape", {made, call.shape(0)})};
  }
  for (std::size_t i = 0; i < axes.size(); ++i)
    x = rolled(call, x, axes[i], shifts.at(i), call.size(0, axes[i]), call.fixed_size(0, axes[i]));
  return {x};
}
inline onnx_value flipped(onnx_builder& onnx, onnx_value x, std::vector<std::int64_t> const& axes) {
  if (axes.empty()) return x;
  auto const all = [&](std::int64_t value) { return onnx.integers(std::vector<std::int64_t>(axes.size(), value)); };
  return onnx.emit("Slice", {x, all(-1), all(std::numeric_limits<std::int64_t>::min()), onnx.integers(axes), all(-1)});
}
inline onnx_results lower_flip(onnx_call const& call) {
  return {flipped(call.onnx, call.tensor(0), call.axes("dims", call.rank(0)))};
}
template <std::int64_t Axis>
onnx_results lower_flip_axis(onnx_call const& call) {
  return {flipped(call.onnx, call.tensor(0), {Axis})};
}
/// A quarter turn is a flip and a transposition.
inline onnx_results lower_rot90(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const rank = call.rank(0);
  auto const axes = call.axes("dims", rank);
  auto const turns = ((call.integer("k") % 4) + 4) % 4;
  if (turns == 0) return {call.tensor(0)};
  if (turns == 2) return {flipped(onnx, call.tensor(0), axes)};
  auto order = all_axes(rank);
  std::swap(order[static_cast<std::size_t>(axes[0])], order[static_cast<std::size_t>(axes[1])]);
  return {onnx.transpose(flipped(onnx, call.tensor(0), {axes[turns == 1 ? 1 : 0]}), order)};
}

// --- triangles and diagonals -------------------------------------------------------------------------------------------
/// Rows against columns, as a bool for each: column - row `kind` offset.
inline onnx_value compared_places(onnx_builder& onnx, onnx_value rows, onnx_value columns, std::string const& kind,
                                  onnx_value offset) {
  auto const row = onnx.unsqueeze(counted(onnx, rows), {1}), column = onnx.unsqueeze(counted(onnx, columns), {0});
  return onnx.emit(kind, {onnx.emit("Sub", {column, row}), offset});
}
template <bool Upper>
onnx_results lower_triangle(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.dtype(0);
  auto const rank = call.rank(0);
  auto const diagonal = int_operand(call, "diagonal");
  constexpr std::int64_t has_trilu = 14;
  if (onnx.opset() >= has_trilu) {
    auto const made = onnx.emit("Trilu", {call.tensor(0, dtype), diagonal}, {{"upper", std::int64_t{Upper}}});
    return {made};
  }
  auto const stays = compared_places(onnx, call.size(0, rank - 2), call.size(0, rank - 1),
                                     Upper ? "GreaterOrEqual" : "LessOrEqual", diagonal);
  return {onnx.emit("Where", {stays, call.tensor(0), onnx.scalar(0, dtype)})};
}
/// The two axes go last and become one, and of it every (columns + 1)-th element is taken.
inline onnx_value diagonal_of(onnx_call const& call, std::int64_t offset, std::int64_t a, std::int64_t b) {
  auto& onnx = call.onnx;
  auto const rank = call.rank(0);
  auto order = all_axes(rank);
  std::erase_if(order, [&](std::int64_t each) { return each == a || each == b; });
  order.insert(order.end(), {a, b});
  std::vector<std::int64_t> shape(static_cast<std::size_t>(rank) - 1, 0);
  shape.back() = -1;
  auto const flat = onnx.reshape(onnx.transpose(call.tensor(0), order), shape);
  auto const rows = call.fixed_size(0, a), columns = call.fixed_size(0, b);
  auto const above = std::max<std::int64_t>(offset, 0), below = std::max<std::int64_t>(-offset, 0);
  onnx_value places;
  if (rows && columns) {
    auto const count = std::max<std::int64_t>(0, std::min(*rows - below, *columns - above));
    places =
        onnx.constant(at::arange(count, at::TensorOptions(at::kLong)) * (*columns + 1) + (below * *columns + above));
  } else {
    auto const height = call.size(0, a), width = call.size(0, b);
    auto const count = onnx.emit("Max", {onnx.emit("Min", {sum_of(onnx, height, onnx.integers({-below})),
                                                           sum_of(onnx, width, onnx.integers({-above}))}),
                                         onnx.integers({0})});
    auto const step = sum_of(onnx, width, onnx.integers({1}));
    auto const start = sum_of(onnx, product(onnx, {width, onnx.integers({below})}), onnx.integers({above}));
    places = onnx.emit("Add", {onnx.emit("Mul", {counted(onnx, count), step}), start});
  }
  return onnx.gather(flat, places, rank - 2);
}
inline onnx_results lower_diagonal(onnx_call const& call) {
  auto const rank = call.rank(0);
  return {diagonal_of(call, call.integer("offset"), call.axis("dim1", rank), call.axis("dim2", rank))};
}
/// A vector, wide enough, beside a matrix of bools that is true on the diagonal.
inline onnx_value diagonal_matrix(onnx_call const& call, std::int64_t offset) {
  auto& onnx = call.onnx;
  auto const dtype = call.dtype(0);
  auto const rank = call.rank(0);
  auto x = call.tensor(0);
  auto const size = sum_of(onnx, call.size(0, rank - 1), onnx.integers({std::abs(offset)}));
  if (offset != 0) {
    std::vector<std::int64_t> pads(static_cast<std::size_t>(2 * rank), 0);
    pads[static_cast<std::size_t>(offset > 0 ? rank - 1 : 2 * rank - 1)] = std::abs(offset);
    x = onnx.emit("Pad", {x, onnx.integers(pads)});
  }
  auto const on_it = compared_places(onnx, size, size, "Equal", onnx.integer(offset));
  return onnx.emit("Where", {on_it, onnx.unsqueeze(x, {rank - 1}), onnx.scalar(0, dtype)});
}
inline onnx_results lower_diag(onnx_call const& call) {
  auto const offset = call.integer("diagonal");
  return {call.rank(0) == 1 ? diagonal_matrix(call, offset) : diagonal_of(call, offset, 0, 1)};
}
inline onnx_results lower_diag_embed(onnx_call const& call) {
  auto const rank = call.rank(0) + 1;
  auto const a = call.axis("dim1", rank), b = call.axis("dim2", rank);
  auto const made = diagonal_matrix(call, a > b ? -call.integer("offset") : call.integer("offset"));
  std::vector<std::int64_t> order;
  std::int64_t next = 0;
  for (std::int64_t i = 0; i < rank; ++i)
    order.push_back(i == std::min(a, b) ? rank - 2 : i == std::max(a, b) ? rank - 1 : next++);
  return {call.onnx.transpose(made, order)};
}
/// A number on the diagonal.
inline onnx_results lower_fill_diagonal(onnx_call const& call) {
  auto& onnx = call.onnx;
  if (call.rank(0) != 2 || call.flag("wrap"))
    call.refuse("expected a matrix, and a diagonal that does not begin again");
  auto const on_it = compared_places(onnx, call.size(0, 0), call.size(0, 1), "Equal", onnx.integer(0));
  return {onnx.emit("Where", {on_it, call.operand("fill_value", call.dtype(0)), call.tensor(0)})};
}
inline onnx_results lower_trace(onnx_call const& call) {
  auto const dtype = call.result_dtype();
  auto const diagonal = call.onnx.cast(diagonal_of(call, 0, 0, 1), call.dtype(0), dtype);
  return as_result(call, call.onnx.reduce("ReduceSum", diagonal, {0}, false), dtype);
}

// --- windows -----------------------------------------------------------------------------------------------------------
/// The places of windows: [count, size], the window from place * step on.
inline onnx_value window_places(onnx_builder& onnx, onnx_value count, std::int64_t step, std::int64_t size,
                                std::int64_t dilation = 1) {
  auto const inside = onnx.constant(at::arange(size, at::TensorOptions(at::kLong)) * dilation);
  auto const first = onnx.unsqueeze(counted(onnx, count), {1});
  if (auto const known = onnx.constant_of(first)) return onnx.constant(*known * step + *onnx.constant_of(inside));
  return onnx.emit("Add", {step == 1 ? first : onnx.emit("Mul", {first, onnx.integer(step)}), inside});
}
/// How many windows that reach over `reach` elements begin every `step`.
inline onnx_value window_count(onnx_builder& onnx, onnx_value size, std::int64_t reach, std::int64_t step) {
  if (auto const known = onnx.constant_of(size)) return onnx.integers({(known->item().toLong() - reach) / step + 1});
  auto const steps = sum_of(onnx, size, onnx.integers({step - reach}));
  return step == 1 ? steps : onnx.emit("Div", {steps, onnx.integers({step})});
}
inline onnx_results lower_unfold(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const rank = call.rank(0);
  if (rank == 0) call.refuse("it is of one number");
  auto const axis = call.axis("dimension", rank), size = call.integer("size"), step = call.integer("step");
  auto const count = window_count(onnx, call.size(0, axis), size, step);
  auto const made = onnx.gather(call.tensor(0), window_places(onnx, count, step, size), axis);
  auto order = all_axes(rank + 1);
  order.erase(order.begin() + axis + 1);
  order.push_back(axis + 1);
  return {onnx.transpose(made, order)};
}
/// The difference of neighbours, n times over.
inline onnx_results lower_diff(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const axis = onnx_call::axis(call.integer_or("dim", -1), call.rank(0));
  std::vector<onnx_value> parts;
  for (auto const* each : {"prepend", "self", "append"})
    if (call.has(each)) parts.push_back(call.tensor(each, dtype));
  auto x = onnx.concat(parts, axis);
  for (std::int64_t i = 0; i < call.integer_or("n", 1); ++i) {
    auto const next = onnx.slice(x, axis, onnx.integers({1}), {}),
               before = onnx.slice(x, axis, onnx.integers({0}), onnx.integers({-1}));
    x = onnx.emit(dtype == at::kBool ? "Xor" : "Sub", {next, before});
  }
  return as_result(call, x, dtype);
}

inline constexpr onnx_operator onnx_slicing[] = {
    {"aten::select", &lower_select},
    {"aten::slice", &lower_slice},
    {"aten::narrow", &lower_narrow},
    {"aten::narrow_copy", &lower_narrow},
    {"aten::split", &lower_split},
    {"aten::split_with_sizes", &lower_split},
    {"aten::unsafe_split", &lower_split},
    {"aten::unsafe_split_with_sizes", &lower_split},
    {"aten::chunk", &lower_chunk},
    {"aten::unsafe_chunk", &lower_chunk},
    {"prim::ConstantChunk", &lower_constant_chunk},
    {"aten::tensor_split", &lower_tensor_split},
    {"aten::unbind", &lower_unbind},
    {"aten::roll", &lower_roll},
    {"aten::flip", &lower_flip},
    {"aten::fliplr", &lower_flip_axis<1>},
    {"aten::flipud", &lower_flip_axis<0>},
    {"aten::rot90", &lower_rot90},
    {"aten::tril", &lower_triangle<false>},
    {"aten::triu", &lower_triangle<true>},
    {"aten::diagonal", &lower_diagonal},
    {"aten::diag", &lower_diag},
    {"aten::diag_embed", &lower_diag_embed},
    {"aten::fill_diagonal", &lower_fill_diagonal},
    {"aten::trace", &lower_trace},
    {"aten::unfold", &lower_unfold},
    {"aten::diff", &lower_diff},
};

}  // namespace torchdeploy::inline v0::detail

#endif
