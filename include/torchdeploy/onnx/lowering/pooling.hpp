#pragma once

#include <torchdeploy/onnx/lowering/computed.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

/// Pooling of one, two and three dimensions, by a window or to a size.
namespace torchdeploy::inline v0::detail {

/// How many dimensions an operator named "aten::max_pool2d" pools.
inline std::size_t pooled_dimensions(onnx_call const& call) {
  auto const& name = call.name();
  auto const digit = name.find_first_of("123");
  return static_cast<std::size_t>(name.at(digit) - '0');
}
struct onnx_windows {
  std::vector<std::int64_t> kernel{}, strides{}, padding{}, dilations{};
  std::vector<std::int64_t> ends{};  ///< padding behind: more where the last window may go over the edge

  [[nodiscard]] std::vector<std::int64_t> pads() const {
    auto all = padding;
    all.insert(all.end(), ends.begin(), ends.end());
    return all;
  }
};
/// With ceil_mode LibTorch has a window wherever one begins in the input or in the padding before it, and one beyond the padding
/// behind by less than a stride. That is what padding behind by min(padding + stride, kernel) - 1 gives, at every size; the
/// `ceil_mode` of ONNX is not it in every runtime.
inline onnx_windows windows_of(onnx_call const& call) {
  auto const count = pooled_dimensions(call);
  onnx_windows windows{.kernel = call.integers("kernel_size", count)};
  windows.strides =
      call.has("stride") && !call.integers("stride").empty() ? call.integers("stride", count) : windows.kernel;
  windows.padding = windows.ends = call.integers("padding", count);
  windows.dilations = call.has("dilation") ? call.integers("dilation", count) : std::vector<std::int64_t>(count, 1);
  if (!call.flag("ceil_mode")) return windows;
  for (std::size_t i = 0; i < count; ++i) {
    auto const width = windows.dilations[i] * (windows.kernel[i] - 1) + 1;
    auto const axis = call.rank(0) - static_cast<std::int64_t>(count - i);
    auto const padded = call.shown(0).size(axis) + 2 * windows.padding[i] - width;
    if (call.fixed_size(0, axis) && padded / windows.strides[i] + 1 == call.result().toTensor().size(axis)) continue;
    windows.ends[i] = std::min(windows.padding[i] + windows.strides[i], width) - 1;
  }
  return windows;
}

/// Zeros or another number around each channel, so much before as behind.
inline onnx_value padded(onnx_builder& onnx, onnx_value x, std::vector<std::int64_t> const& begins,
                         std::vector<std::int64_t> const& ends, onnx_value number = {}) {
  std::vector<std::int64_t> pads(2, 0);  // the batch's and the channels'
  pads.insert(pads.end(), begins.begin(), begins.end());
  pads.insert(pads.end(), 2, 0);
  pads.insert(pads.end(), ends.begin(), ends.end());
  return onnx.emit("Pad", {x, onnx.integers(pads), number}, {{"mode", "constant"}});
}
/// Pools a tensor with a batch and channels: where it has no batch, as one row.
template <class Pool>
onnx_results pool_rows(onnx_call const& call, Pool const& pool) {
  auto& onnx = call.onnx;
  bool const single = call.rank(0) == static_cast<std::int64_t>(pooled_dimensions(call)) + 1;
  auto const x = call.tensor(0);
  auto results = pool(single ? onnx.unsqueeze(x, {0}) : x);
  for (auto& each : results)
    if (single) each = onnx.squeeze(each, {0});
  return results;
}

/// The elements of a channel.
inline onnx_value plane_size(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const rank = call.rank(0), first = rank - static_cast<std::int64_t>(pooled_dimensions(call));
  std::int64_t fixed = 1;
  std::vector<onnx_value> open;
  for (auto axis = first; axis < rank; ++axis)
    if (auto const size = call.fixed_size(0, axis))
      fixed *= *size;
    else
      open.push_back(call.size(0, axis));
  auto product = onnx.integers({fixed});
  for (auto const each : open) product = onnx.emit("Mul", {product, each});
  return product;
}

/// Places of the maxima count in ONNX from the tensor's first element on, in LibTorch from the channel's.
inline onnx_results write_max_pool(onnx_call const& call, onnx_windows windows) {
  auto& onnx = call.onnx;
  bool const places = call.node()->outputs().size() > 1 && call.is_used(1);
  return pool_rows(call, [&](onnx_value x) -> onnx_results {
    // ONNX Runtime pads by less than the kernel, which with a dilation is less than a window
    if (!std::equal(windows.ends.begin(), windows.ends.end(), windows.kernel.begin(), std::less<>())) {
      if (places) call.refuse("the places of its maxima are asked for, and a window ends far beyond the edge");
      x = padded(onnx, x, windows.padding, windows.ends, onnx.constant(extreme_of(call.dtype(0), false)));
      windows.padding = windows.ends = std::vector<std::int64_t>(windows.kernel.size(), 0);
    }
    auto made = onnx.emit_many("MaxPool", {x}, places ? 2 : 1,
                               {{"kernel_shape", windows.kernel},
                                {"strides", windows.strides},
                                {"pads", windows.pads()},
                                {"dilations", windows.dilations}});
    if (places) made[1] = onnx.emit("Mod", {made[1], plane_size(call)});
    return made;
  });
}
inline onnx_results lower_max_pool(onnx_call const& call) { return write_max_pool(call, windows_of(call)); }

/// What divides a window's sum: its size, that of its part in the input or, with count_include_pad, in the input with its
/// padding but not beyond, or `divisor_override`.
inline onnx_results lower_avg_pool(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto windows = windows_of(call);
  auto const dtype = call.dtype(0);
  if (!at::isFloatingType(dtype)) call.refuse("it takes means of ints");
  bool const beyond = windows.ends != windows.padding;
  bool const pads = std::any_of(windows.padding.begin(), windows.padding.end(), [](auto each) { return each != 0; });
  bool const sums = call.has("divisor_override");
  bool counts_padding = sums || call.flag("count_include_pad", true);
  return pool_rows(call, [&](onnx_value x) -> onnx_results {
    if (beyond && counts_padding && !sums) {
      if (pads) x = padded(onnx, x, windows.padding, windows.padding);
      for (std::size_t i = 0; i < windows.ends.size(); ++i) windows.ends[i] -= windows.padding[i];
      std::fill(windows.padding.begin(), windows.padding.end(), 0);
      counts_padding = false;
    }
    auto y = onnx.emit("AveragePool", {x},
                       {{"kernel_shape", windows.kernel},
                        {"strides", windows.strides},
                        {"pads", windows.pads()},
                        {"count_include_pad", std::int64_t{counts_padding}}});
    if (sums) {
      auto const size =
          std::accumulate(windows.kernel.begin(), windows.kernel.end(), std::int64_t{1}, std::multiplies<>());
      y = onnx.emit("Mul", {y, onnx.scalar(static_cast<double>(size) / call.number("divisor_override"), dtype)});
    }
    return {y};
  });
}

// --- to a size ---------------------------------------------------------------------------------------------------------
/// An axis that is pooled to a size: part i is from floor(i in / out) to ceil((i + 1) in / out).
struct pooled_axis {
  std::int64_t axis = 0;
  std::optional<std::int64_t> in{}, out{};
  bool same = false;  ///< it stays as it is

  [[nodiscard]] bool divides() const { return same || (in && out && *out > 0 && *in % *out == 0); }
  [[nodiscard]] std::int64_t begin(std::int64_t part) const { return part * *in / *out; }
  [[nodiscard]] std::int64_t end(std::int64_t part) const { return ((part + 1) * *in + *out - 1) / *out; }
};
inline std::vector<pooled_axis> pooled_axes(onnx_call const& call) {
  std::vector<pooled_axis> all;
  auto const rank = call.rank(0);
  for (auto axis = rank - static_cast<std::int64_t>(pooled_dimensions(call)); axis < rank; ++axis) {
    auto const shown = call.shown(0).size(axis);
    pooled_axis each{axis, call.fixed_size(0, axis), call.fixed_result_size(axis)};
    each.same = shown == call.result().toTensor().size(axis) && each.in.has_value() == each.out.has_value();
    if (!each.same && !each.out) call.refuse("the size that it pools to depends on the inputs");
    all.push_back(each);
  }
  return all;
}
inline bool all_to_one(std::vector<pooled_axis> const& axes) {
  return std::all_of(axes.begin(), axes.end(), [](auto const& each) { return each.out == 1; });
}
inline bool all_divide(std::vector<pooled_axis> const& axes) {
  return std::all_of(axes.begin(), axes.end(), [](auto const& each) { return each.divides(); });
}
/// Windows that are side by side.
inline onnx_windows windows_of(std::vector<pooled_axis> const& axes) {
  onnx_windows windows;
  for (auto const& each : axes) windows.kernel.push_back(each.same ? 1 : *each.in / *each.out);
  windows.strides = windows.kernel;
  windows.padding = windows.ends = std::vector<std::int64_t>(axes.size(), 0);
  windows.dilations = std::vector<std::int64_t>(axes.size(), 1);
  return windows;
}

/// [in, out]: what times it are the means of the parts. A constant where the size is fixed, else computed from the size.
inline onnx_value averaging_matrix(onnx_call const& call, pooled_axis const& axis, at::ScalarType dtype) {
  auto& onnx = call.onnx;
  auto const out = *axis.out;
  if (axis.in) {
    auto matrix = at::zeros({*axis.in, out}, at::TensorOptions(at::kDouble));
    for (std::int64_t part = 0; part < out; ++part) {
      auto const begin = axis.begin(part), end = axis.end(part);
      matrix.slice(0, begin, end).select(1, part).fill_(1.0 / static_cast<double>(end - begin));
    }
    return onnx.constant(matrix.to(dtype));
  }
  auto const size = call.size(0, axis.axis);
  auto const parts = onnx.constant(at::arange(out, at::TensorOptions(at::kLong)));
  auto const next = onnx.constant(at::arange(1, out + 1, at::TensorOptions(at::kLong)));
  auto const count = onnx.integers({out});
  auto const begin = onnx.emit("Div", {onnx.emit("Mul", {parts, size}), count});
  auto const end =
      onnx.emit("Div", {onnx.emit("Add", {onnx.emit("Mul", {next, size}), onnx.integers({out - 1})}), count});
  auto const rows =
      onnx.unsqueeze(onnx.emit("Range", {onnx.integer(0), onnx.squeeze(size, {0}), onnx.integer(1)}), {1});
  auto const inside =
      onnx.emit("And", {onnx.emit("Not", {onnx.emit("Less", {rows, begin})}), onnx.emit("Less", {rows, end})});
  auto const length = onnx.cast(onnx.emit("Sub", {end, begin}), at::kLong, dtype);
  return onnx.emit("Div", {onnx.cast(inside, at::kBool, dtype), length});
}
inline onnx_results lower_adaptive_avg_pool(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const axes = pooled_axes(call);
  auto const rank = call.rank(0);
  auto const dtype = call.dtype(0);
  bool const with_batch = rank == static_cast<std::int64_t>(axes.size()) + 2;
  if (all_to_one(axes) && with_batch && dtype != at::kDouble) return {onnx.emit("GlobalAveragePool", {call.tensor(0)})};
  if (all_divide(axes) && !all_to_one(axes) && dtype != at::kDouble) {
    auto const windows = windows_of(axes);
    return pool_rows(call, [&](onnx_value x) -> onnx_results {
      return {onnx.emit("AveragePool", {x}, {{"kernel_shape", windows.kernel}, {"strides", windows.strides}})};
    });
  }
  auto x = call.tensor(0);
  std::vector<std::int64_t> means;
  for (auto const& each : axes)
    if (each.out == 1 && !each.same) means.push_back(each.axis);
  if (!means.empty()) x = onnx.reduce("ReduceMean", x, means, true);
  for (auto const& each : axes) {
    if (each.same || each.out == 1) continue;
    std::vector<std::int64_t> order(static_cast<std::size_t>(rank));
    std::iota(order.begin(), order.end(), 0);
    std::swap(order[static_cast<std::size_t>(each.axis)], order.back());
    x = onnx.transpose(onnx.emit("MatMul", {onnx.transpose(x, order), averaging_matrix(call, each, dtype)}), order);
  }
  return {x};
}

/// Parts of different lengths: rows of indices, the short ones with one index again, and the maximum of each.
inline onnx_results lower_adaptive_max_pool(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const axes = pooled_axes(call);
  if (all_divide(axes)) return write_max_pool(call, windows_of(axes));
  if (call.is_used(1)) call.refuse("the places of its maxima are asked for, and its windows differ in size");
  auto x = call.tensor(0);
  for (auto const& each : axes) {
    if (each.same) continue;
    if (each.out == 1) {
      x = onnx.reduce("ReduceMax", x, {each.axis}, true);
      continue;
    }
    if (!each.in) call.refuse("a size that it pools is open");
    std::int64_t longest = 0;
    for (std::int64_t part = 0; part < *each.out; ++part)
      longest = std::max(longest, each.end(part) - each.begin(part));
    std::vector<std::int64_t> indices;
    for (std::int64_t part = 0; part < *each.out; ++part)
      for (std::int64_t i = 0; i < longest; ++i) indices.push_back(std::min(each.begin(part) + i, each.end(part) - 1));
    auto const table = onnx.constant(at::tensor(indices, at::kLong).reshape({*each.out, longest}));
    x = onnx.reduce("ReduceMax", onnx.gather(x, table, each.axis), {each.axis + 1}, false);
  }
  return {x};
}

inline constexpr onnx_operator onnx_pooling[] = {
    {"aten::max_pool1d", &lower_max_pool},
    {"aten::max_pool2d", &lower_max_pool},
    {"aten::max_pool3d", &lower_max_pool},
    {"aten::max_pool1d_with_indices", &lower_max_pool},
    {"aten::max_pool2d_with_indices", &lower_max_pool},
    {"aten::max_pool3d_with_indices", &lower_max_pool},
    {"aten::avg_pool1d", &lower_avg_pool},
    {"aten::avg_pool2d", &lower_avg_pool},
    {"aten::avg_pool3d", &lower_avg_pool},
    {"aten::adaptive_avg_pool1d", &lower_adaptive_avg_pool},
    {"aten::adaptive_avg_pool2d", &lower_adaptive_avg_pool},
    {"aten::adaptive_avg_pool3d", &lower_adaptive_avg_pool},
    {"aten::_adaptive_avg_pool2d", &lower_adaptive_avg_pool},
    {"aten::_adaptive_avg_pool3d", &lower_adaptive_avg_pool},
    {"aten::adaptive_max_pool1d", &lower_adaptive_max_pool},
    {"aten::adaptive_max_pool2d", &lower_adaptive_max_pool},
    {"aten::adaptive_max_pool3d", &lower_adaptive_max_pool},
};

}  // namespace torchdeploy::inline v0::detail

#endif
