#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/onnx/call.hpp>

/// Writing to a part of a tensor, or to it in another shape: ONNX has no views, so the whole is made anew.
namespace torchdeploy::inline v0::detail {

/// The order that undoes a permutation of axes.
inline std::vector<std::int64_t> undone_order(onnx_call const& view) {
  auto const rank = view.rank(0);
  std::vector<std::int64_t> back(static_cast<std::size_t>(rank));
  std::iota(back.begin(), back.end(), 0);
  if (view.name() == "permute") {
    auto const order = view.axes("dims", rank);
    for (std::size_t i = 0; i < order.size(); ++i)
      back[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
    return back;
  }
  if (rank < 2) return back;
  auto const a = view.name() == "t" ? 0 : view.axis(onnx_argument(1), rank),
             b = view.name() == "t" ? 1 : view.axis(onnx_argument(2), rank);
  std::swap(back[static_cast<std::size_t>(a)], back[static_cast<std::size_t>(b)]);
  return back;
}

/// The rows that a slice with a step takes, replaced.
inline onnx_value with_rows_replaced(onnx_call const& view, std::int64_t axis, onnx_value made) {
  auto& onnx = view.onnx;
  std::vector<std::int64_t> order(static_cast<std::size_t>(view.rank(0)));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[0], order[static_cast<std::size_t>(axis)]);
  auto const rows = onnx.emit("Range", {onnx.integer(0), onnx.squeeze(view.size(0, axis), {0}), onnx.integer(1)});
  auto const start = view.has(2) ? view.sizes(2) : onnx.integers({0});
  auto const end = view.has(3) ? view.sizes(3) : onnx_value{};
  auto const picked = onnx.slice(rows, 0, start, end, view.integer(4));
  auto const whole = onnx.transpose(view.tensor(0), order);
  return onnx.transpose(onnx.emit("ScatterND", {whole, onnx.unsqueeze(picked, {1}), onnx.transpose(made, order)}),
                        order);
}

inline onnx_value added(onnx_builder& onnx, onnx_value size, std::int64_t more) {
  if (auto const known = onnx.constant_of(size)) return onnx.integers({known->item().toLong() + more});
  return onnx.emit("Add", {size, onnx.integers({more})});
}

/// What is before a part, the part anew, and what is behind it.
inline onnx_value with_part_replaced(onnx_call const& view, onnx_value made) {
  auto& onnx = view.onnx;
  constexpr auto to_the_end = std::numeric_limits<std::int64_t>::max();
  auto const axis = view.axis(onnx_argument(1), view.rank(0));
  auto start = view.name() == "slice" && !view.has(2) ? onnx.integers({0}) : view.sizes(2);
  // an end is behind a start that is counted from the front: -1 + 1 would be the first
  auto const from_front = [&] {
    auto const size = view.size(0, axis);
    if (!view.is_constant(2))
      return onnx.emit("Where",
                       {onnx.emit("Less", {start, onnx.integers({0})}), onnx.emit("Add", {start, size}), start});
    return view.integer(2) < 0 ? added(onnx, size, view.integer(2)) : start;
  };
  onnx_value end;
  if (view.name() == "slice") {
    if (view.integer_or(4, 1) != 1) return with_rows_replaced(view, axis, made);
    end = view.has(3) ? view.sizes(3) : onnx.integers({to_the_end});
  } else if (view.name() == "narrow") {
    start = from_front();
    end = onnx.emit("Add", {start, view.sizes(3)});
  } else {
    made = onnx.unsqueeze(made, {axis});
    if (!view.is_constant(2)) start = from_front();
    end = !view.is_constant(2)    ? onnx.emit("Add", {start, onnx.integers({1})})
          : view.integer(2) == -1 ? onnx.integers({to_the_end})
                                  : onnx.integers({view.integer(2) + 1});
  }
  auto const before = onnx.slice(view.tensor(0), axis, onnx.integers({0}), start);
  return onnx.concat({before, made, onnx.slice(view.tensor(0), axis, end, {})}, axis);
}

/// One of the pieces that a tensor was cut into, replaced.
inline onnx_value with_piece_replaced(onnx_call const& view, std::size_t piece, onnx_value made) {
  bool const is_chunk = view.name().ends_with("chunk");
  bool const is_unbind = view.name() == "unbind";
  auto const axis = view.axis(onnx_argument(is_unbind ? 1 : 2), view.rank(0));
  auto const whole = view.fixed_size(0, axis);
  if (!whole) view.refuse("it is written to, through a piece of an axis whose size is open");
  std::int64_t start = 0, size = 1;
  auto const cuts = is_unbind ? std::vector<std::int64_t>{1} : view.integers(1);
  for (std::size_t i = 0; i <= piece; ++i) {
    start += i > 0 ? size : 0;
    size = is_chunk ? (*whole + cuts[0] - 1) / cuts[0] : cuts[cuts.size() > 1 ? i : 0];
    size = std::min(size, *whole - start);
  }
  if (is_unbind) made = view.onnx.unsqueeze(made, {axis});
  std::vector<onnx_value> parts;
  auto const add = [&](std::int64_t from, std::int64_t to) {
    if (from < to)
      parts.push_back(view.onnx.slice(view.tensor(0), axis, view.onnx.integers({from}), view.onnx.integers({to})));
  };
  add(0, start);
  parts.push_back(made);
  add(start + size, *whole);
  return parts.size() == 1 ? made : view.onnx.concat(parts, axis);
}

/// The base of a view, the view's value replaced by `made`. `view`: the call that made it, named without "aten::", and
/// `output`, which of its results it is.
inline onnx_value with_view_replaced(onnx_call const& view, std::size_t output, onnx_value made) {
  auto const& name = view.name();
  auto const is = [&](std::initializer_list<char const*> names) {
    return std::any_of(names.begin(), names.end(), [&](char const* each) { return name == each; });
  };
  if (is({"alias", "detach", "contiguous", "to", "dropout", "feature_dropout"})) return made;
  if (is({"view", "reshape", "flatten", "unsqueeze", "squeeze", "unflatten", "view_as", "reshape_as", "_unsafe_view"}))
    return view.onnx.emit("Reshape", {made, view.shape(0)});
  if (is({"transpose", "permute", "t", "swapaxes", "swapdims"})) return view.onnx.transpose(made, undone_order(view));
  if (is({"select", "slice", "narrow"})) return with_part_replaced(view, made);
  if (is({"chunk", "split", "split_with_sizes", "unbind", "unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes"}))
    return with_piece_replaced(view, output, made);
  view.refuse("it is written to, through a view that can't be put back",
              "write it without the underscore: x = x.add(y)");
}

}  // namespace torchdeploy::inline v0::detail

#endif
