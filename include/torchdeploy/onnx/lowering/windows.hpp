#pragma once

#include <torchdeploy/onnx/lowering/padding.hpp>
#include <torchdeploy/onnx/lowering/resize.hpp>
#include <torchdeploy/onnx/lowering/scattering.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// Windows over images as columns and back, and sums over bags of rows.
namespace torchdeploy::inline v0::detail {

/// Without the batch of one that was put before it.
inline onnx_value without_batch(onnx_call const& call, onnx_value x, bool had_none) {
  return had_none ? call.onnx.squeeze(x, {0}) : x;
}
/// [batch, channels, rows, columns] to [batch, channels * window, windows]: the rows of all windows, then their columns.
inline onnx_results lower_im2col(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const kernel = call.integers("kernel_size", 2), dilation = call.integers("dilation", 2),
             padding = call.integers("padding", 2), stride = call.integers("stride", 2);
  auto const channels = call.fixed_size(0, call.rank(0) - 3);
  if (!channels) call.refuse("how many channels there are depends on the inputs");
  auto x = as_batch(call, call.tensor(0), 3);
  if (padding[0] > 0 || padding[1] > 0)
    x = onnx.emit("Pad", {x, onnx.integers({0, 0, padding[0], padding[1], 0, 0, padding[0], padding[1]})});
  for (std::size_t i = 0; i < 2; ++i) {
    auto const axis = call.rank(0) - 2 + static_cast<std::int64_t>(i);
    auto const size = sum_of(onnx, call.size(0, axis), onnx.integers({2 * padding[i]}));
    auto const count = window_count(onnx, size, dilation[i] * (kernel[i] - 1) + 1, stride[i]);
    // [window, place in it], which are one axis of x and become two
    x = onnx.gather(x, window_places(onnx, count, stride[i], kernel[i], dilation[i]), i == 0 ? 2 : 4);
  }
  auto const columns = onnx.transpose(x, {0, 1, 3, 5, 2, 4});
  return {without_batch(call, onnx.reshape(columns, {0, *channels * kernel[0] * kernel[1], -1}), call.rank(0) == 3)};
}
/// The windows added where they came from: a transposed convolution whose weight has a single 1 for each place.
inline onnx_results lower_col2im(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const size = call.integers("output_size", 2), kernel = call.integers("kernel_size", 2),
             dilation = call.integers("dilation", 2), padding = call.integers("padding", 2),
             stride = call.integers("stride", 2);
  auto const window = kernel[0] * kernel[1];
  auto const rows = call.fixed_size(0, call.rank(0) - 2);
  if (!rows) call.refuse("how many channels there are depends on the inputs");
  auto const dtype = call.dtype(0);
  std::vector<std::int64_t> windows, more;
  for (std::size_t i = 0; i < 2; ++i) {
    auto const reach = dilation[i] * (kernel[i] - 1) + 1;
    windows.push_back((size[i] + 2 * padding[i] - reach) / stride[i] + 1);
    more.push_back(size[i] - ((windows[i] - 1) * stride[i] - 2 * padding[i] + reach));
  }
  auto x = call.tensor(0, dtype);
  if (call.rank(0) == 2) x = onnx.unsqueeze(x, {0});
  x = onnx.reshape(x, {0, *rows, windows[0], windows[1]});
  auto const ones = at::eye(window, at::TensorOptions(dtype)).reshape({window, 1, kernel[0], kernel[1]});
  auto const made = onnx.emit("ConvTranspose", {x, onnx.constant(ones.repeat({*rows / window, 1, 1, 1}))},
                              {{"dilations", dilation},
                               {"group", *rows / window},
                               {"kernel_shape", kernel},
                               {"output_padding", more},
                               {"pads", std::vector{padding[0], padding[1], padding[0], padding[1]}},
                               {"strides", stride}});
  return as_result(call, without_batch(call, made, call.rank(0) == 2), dtype);
}

/// The elements at the places that strides lead to, as those of a contiguous tensor lie.
inline onnx_results lower_as_strided(onnx_call const& call) {
  auto const sizes = call.integers("size"), strides = call.integers("stride");
  auto const rank = call.rank(0);
  for (std::int64_t i = 0; i < rank; ++i)
    if (!call.fixed_size(0, i)) call.refuse("where its elements lie depends on the sizes of the inputs");
  if (!call.shown(0).is_contiguous()) call.refuse("expected a contiguous tensor", "x.contiguous().as_strided(...)");
  auto places = at::scalar_tensor(call.integer_or("storage_offset", 0), at::kLong);
  for (std::size_t i = 0; i < sizes.size(); ++i)
    places = places.unsqueeze(-1) + at::arange(sizes[i], at::TensorOptions(at::kLong)) * strides[i];
  return {call.onnx.gather(call.onnx.reshape(call.tensor(0), {-1}), call.onnx.constant(places), 0)};
}

/// Sums or means of the rows that a bag names: bags are from one offset to the next, and a matrix tells which row is in which.
inline onnx_results lower_embedding_bag(onnx_call const& call) {
  auto& onnx = call.onnx;
  constexpr std::int64_t mean = 1, greatest = 2;
  auto const mode = call.integer_or("mode", 0);
  if (mode == greatest) call.refuse("it takes the greatest of each bag");
  for (std::size_t i = 1; i < 4; ++i)
    if (call.is_used(i)) call.refuse("the places that it gives beside the sums are used");
  auto const dtype = call.dtype("weight");
  auto const indices = call.tensor("indices", at::kLong), offsets = call.tensor("offsets", at::kLong);
  auto const count = call.size("indices", 0);
  auto const places = onnx.unsqueeze(counted(onnx, count), {0});
  bool const has_last = call.flag("include_last_offset");
  auto const first = has_last ? onnx.slice(offsets, 0, onnx.integers({0}), onnx.integers({-1})) : offsets;
  auto const after = onnx.slice(offsets, 0, onnx.integers({1}), {});
  auto const end = has_last ? after : onnx.concat({after, count}, 0);
  auto inside = onnx.emit("And", {onnx.emit("GreaterOrEqual", {places, onnx.unsqueeze(first, {1})}),
                                  onnx.emit("Less", {places, onnx.unsqueeze(end, {1})})});
  if (auto const padding = call.integer_or("padding_idx", -1); padding >= 0)
    inside = onnx.emit("And", {inside, onnx.emit("Not", {onnx.emit("Equal", {indices, onnx.integer(padding)})})});
  auto const matrix = onnx.cast(inside, at::kBool, dtype);
  auto rows = onnx.gather(call.tensor("weight"), indices, 0);
  if (call.has("per_sample_weights"))
    rows = onnx.emit("Mul", {rows, onnx.unsqueeze(call.tensor("per_sample_weights", dtype), {1})});
  auto sums = onnx.emit("MatMul", {matrix, rows});
  if (mode == mean) {  // of an empty bag 0
    auto const sizes = onnx.reduce("ReduceSum", matrix, {1}, true);
    sums = onnx.emit("Div", {sums, onnx.emit("Max", {sizes, onnx.scalar(1, dtype)})});
  }
  return {sums, {}, {}, {}};
}

inline constexpr onnx_operator onnx_windows[] = {
    {"aten::im2col", &lower_im2col},
    {"aten::col2im", &lower_col2im},
    {"aten::as_strided", &lower_as_strided},
    {"aten::embedding_bag", &lower_embedding_bag},
};

}  // namespace torchdeploy::inline v0::detail

#endif
