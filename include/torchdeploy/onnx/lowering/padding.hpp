#pragma once

#include <torchdeploy/onnx/lowering/slicing.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// Tensors with more around them, and images with their pixels and channels regrouped.
namespace torchdeploy::inline v0::detail {

// --- padding -----------------------------------------------------------------------------------------------------------
/// LibTorch counts axes from the last, both ends of each; ONNX has the beginnings of all, then the ends of all.
inline onnx_value pads_of(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const& given = call.elements(1);
  auto const rank = static_cast<std::size_t>(call.rank(0));
  std::vector<onnx_value> pads(2 * rank, onnx.integers({0}));
  for (std::size_t i = 0; i + 1 < given.size(); i += 2) {
    pads[rank - 1 - i / 2] = call.number_vector(given[i]);
    pads[2 * rank - 1 - i / 2] = call.number_vector(given[i + 1]);
  }
  return onnx.concat(pads, 0);
}
/// The end of an axis before its beginning, and the beginning behind its end.
inline onnx_value padded_in_circle(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto x = call.tensor(0);
  auto const& pads = call.elements(1);
  for (std::size_t i = 0; i + 1 < pads.size(); i += 2) {
    auto const axis = call.rank(0) - 1 - static_cast<std::int64_t>(i / 2);
    auto const before = call.number_vector(pads[i]), behind = call.number_vector(pads[i + 1]);
    auto const is = [&](onnx_value number, auto const& what) {
      auto const known = onnx.constant_of(number);
      return known && what(known->item().toLong());
    };
    auto const negative = [](std::int64_t each) { return each < 0; };
    auto const zero = [](std::int64_t each) { return each == 0; };
    if (is(before, negative) || is(behind, negative)) call.refuse("it takes away by a circular padding");
    std::vector<onnx_value> parts{x};
    if (!is(before, zero))
      parts.insert(parts.begin(), onnx.slice(x, axis, onnx.emit("Sub", {call.size(0, axis), before}), {}));
    if (!is(behind, zero)) parts.push_back(onnx.slice(x, axis, onnx.integers({0}), behind));
    x = onnx.concat(parts, axis);
  }
  return x;
}
inline onnx_results padded(onnx_call const& call, std::string const& mode) {
  auto& onnx = call.onnx;
  if (mode == "circular") return {padded_in_circle(call)};
  std::vector<onnx_value> inputs{call.tensor(0), pads_of(call)};
  if (mode == "constant") {
    if (call.has("value")) inputs.push_back(call.operand("value", call.dtype(0)));
    return {onnx.emit("Pad", std::move(inputs))};
  }
  if (call.is_constant(1)) {
    auto const pads = call.integers(1);
    if (std::any_of(pads.begin(), pads.end(), [](std::int64_t each) { return each < 0; }))
      call.refuse("it takes away by a padding that reflects or repeats");
  }
  std::string const kind = mode == "reflect" ? "reflect" : "edge";
  return {onnx.emit("Pad", std::move(inputs), {{"mode", kind}})};
}
inline onnx_results lower_pad(onnx_call const& call) { return padded(call, call.text("mode")); }
inline onnx_results lower_pad_constant(onnx_call const& call) { return padded(call, "constant"); }
/// The padding of the older operators, one each for a number of axes, is named otherwise.
template <onnx_kind Mode>
onnx_results lower_pad_axes(onnx_call const& call) {
  return padded(call, Mode.text);
}

// --- pixels and channels -----------------------------------------------------------------------------------------------
/// Images without a batch, or with several axes of it, as a batch.
inline onnx_value as_batch(onnx_call const& call, onnx_value x, std::int64_t image_rank) {
  auto const more = call.rank(0) - image_rank;
  if (more == 0) return call.onnx.unsqueeze(x, {0});
  if (more == 1) return x;
  std::vector<onnx_value> sizes{call.onnx.integers({-1})};
  for (auto i = more; i < call.rank(0); ++i) sizes.push_back(call.size(0, i));
  return call.onnx.emit("Reshape", {x, call.onnx.concat(sizes, 0)});
}
inline onnx_value from_batch(onnx_call const& call, onnx_value x, std::int64_t image_rank) {
  auto const more = call.rank(0) - image_rank;
  if (more == 0) return call.onnx.squeeze(x, {0});
  if (more == 1) return x;
  std::vector<onnx_value> sizes;
  for (std::int64_t i = 0; i < more; ++i) sizes.push_back(call.size(0, i));
  for (std::int64_t i = 1; i <= image_rank; ++i) sizes.push_back(call.onnx.size(x, i));
  return call.onnx.emit("Reshape", {x, call.onnx.concat(sizes, 0)});
}
/// Of the channels one for each pixel of a square.
inline onnx_results lower_pixel_shuffle(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const block = call.integer("upscale_factor");
  auto const x = as_batch(call, call.tensor(0), 3);
  if (call.dtype(0) != at::kLong)
    return {from_batch(call, onnx.emit("DepthToSpace", {x}, {{"blocksize", block}, {"mode", "CRD"}}), 3)};
  // no runtime takes int64, and no other dtype holds it
  auto const rank = call.rank(0);
  auto const channels = call.fixed_size(0, rank - 3);
  if (!channels) call.refuse("how many channels there are depends on the inputs");
  auto const left = onnx.integers({*channels / (block * block)}), times = onnx.integers({block}),
             all = onnx.integers({-1});
  auto const height = call.size(0, rank - 2), width = call.size(0, rank - 1);
  auto const apart = onnx.emit("Reshape", {x, onnx.concat({all, left, times, times, height, width}, 0)});
  auto const sizes = onnx.concat({all, left, product(onnx, {height, times}), product(onnx, {width, times})}, 0);
  return {from_batch(call, onnx.emit("Reshape", {onnx.transpose(apart, {0, 1, 4, 2, 5, 3}), sizes}), 3)};
}
/// ONNX has the places in the square first, LibTorch the channels.
inline onnx_results lower_pixel_unshuffle(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const block = call.integer("downscale_factor");
  auto const channels = call.fixed_size(0, call.rank(0) - 3);
  if (!channels) call.refuse("how many channels there are depends on the inputs");
  auto made = onnx.emit("SpaceToDepth", {as_batch(call, call.tensor(0), 3)}, {{"blocksize", block}});
  if (*channels > 1) {
    auto const order = at::arange(*channels * block * block, at::TensorOptions(at::kLong));
    made = onnx.gather(made, onnx.constant(order.reshape({block * block, *channels}).t().reshape({-1})), 1);
  }
  return {from_batch(call, made, 3)};
}
inline onnx_results lower_channel_shuffle(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const groups = call.integer("groups");
  auto const channels = call.fixed_size(0, 1);
  if (!channels) call.refuse("how many channels there are depends on the inputs");
  auto const grouped = onnx.reshape(call.tensor(0), {0, groups, *channels / groups, -1});
  return {onnx.emit("Reshape", {onnx.transpose(grouped, {0, 2, 1, 3}), call.shape(0)})};
}

inline constexpr onnx_operator onnx_padding[] = {
    {"aten::pad", &lower_pad},
    {"aten::constant_pad_nd", &lower_pad_constant},
    {"aten::reflection_pad1d", &lower_pad_axes<"reflect">},
    {"aten::reflection_pad2d", &lower_pad_axes<"reflect">},
    {"aten::reflection_pad3d", &lower_pad_axes<"reflect">},
    {"aten::replication_pad1d", &lower_pad_axes<"replicate">},
    {"aten::replication_pad2d", &lower_pad_axes<"replicate">},
    {"aten::replication_pad3d", &lower_pad_axes<"replicate">},
    {"aten::pixel_shuffle", &lower_pixel_shuffle},
    {"aten::pixel_unshuffle", &lower_pixel_unshuffle},
    {"aten::channel_shuffle", &lower_channel_shuffle},
    {"aten::native_channel_shuffle", &lower_channel_shuffle},
};

}  // namespace torchdeploy::inline v0::detail

#endif
