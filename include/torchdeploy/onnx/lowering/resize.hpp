#pragma once

#include <torchdeploy/onnx/lowering/slicing.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Images of another size: padded, with their pixels regrouped, interpolated, and sampled.
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
inline onnx_value padded_in_circle(onnx_call const& call, onnx_value x, std::vector<std::int64_t> const& pads) {
  auto& onnx = call.onnx;
  auto const rank = call.rank(0);
  for (std::size_t i = 0; i + 1 < pads.size(); i += 2) {
    auto const axis = rank - 1 - static_cast<std::int64_t>(i / 2);
    auto const before = pads[i], behind = pads[i + 1];
    if (before < 0 || behind < 0) call.refuse("it takes away by a circular padding");
    std::vector<onnx_value> parts{x};
    if (before > 0) parts.insert(parts.begin(), onnx.slice(x, axis, onnx.integers({-before}), {}));
    if (behind > 0) parts.push_back(onnx.slice(x, axis, onnx.integers({0}), onnx.integers({behind})));
    x = onnx.concat(parts, axis);
  }
  return x;
}
inline onnx_results padded(onnx_call const& call, std::string const& mode) {
  auto& onnx = call.onnx;
  auto const dtype = call.dtype(0);
  auto const x = call.tensor(0, dtype);
  if (mode == "circular") return as_result(call, padded_in_circle(call, x, call.integers(1)), dtype);
  std::vector<onnx_value> inputs{x, pads_of(call)};
  if (mode == "constant") {
    if (call.has("value")) inputs.push_back(call.operand("value", dtype));
    return as_result(call, onnx.emit("Pad", std::move(inputs)), dtype);
  }
  if (call.is_constant(1)) {
    auto const pads = call.integers(1);
    if (std::any_of(pads.begin(), pads.end(), [](std::int64_t each) { return each < 0; }))
      call.refuse("it takes away by a padding that reflects or repeats");
  }
  std::string const kind = mode == "reflect" ? "reflect" : "edge";
  return as_result(call, onnx.emit("Pad", std::move(inputs), {{"mode", kind}}), dtype);
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
  auto const left = onnx.integers({*channels / (block * block)}), times = onnx.integers({block}), all = onnx.integers({-1});
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

// --- interpolation -----------------------------------------------------------------------------------------------------
struct interpolation {
  std::string mode;  ///< of Resize: "nearest", "linear", "cubic"
  bool exact = false;  ///< nearest, to the middle of the pixel
  bool corners = false;  ///< the corners of both images are one
  bool antialias = false;
  onnx_value sizes{};  ///< of the spatial axes, where they were asked for
  std::vector<double> scales{};  ///< of the spatial axes, where they were asked for
};

/// Whether Resize takes the very pixels that LibTorch takes: the two round the quotient of sizes differently.
inline bool takes_same_pixels(std::int64_t in, std::int64_t out, std::optional<double> scale) {
  auto const step = scale ? static_cast<float>(1.0 / *scale) : static_cast<float>(in) / static_cast<float>(out);
  auto const grown = scale ? static_cast<float>(*scale) : static_cast<float>(out) / static_cast<float>(in);
  for (std::int64_t i = 0; i < out; ++i) {
    auto const there = static_cast<float>(i);
    auto const ours = in == out ? i : std::min(static_cast<std::int64_t>(std::floor(there * step)), in - 1);
    auto const theirs = std::min(static_cast<std::int64_t>(std::floor(there / grown)), in - 1);
    if (ours != theirs) return false;
  }
  return true;
}
/// The nearest pixels of fixed sizes, taken by their places.
inline onnx_value nearest_by_places(onnx_call const& call, onnx_value x, std::vector<std::int64_t> const& in,
                                    std::vector<std::int64_t> const& out, std::vector<double> const& scales) {
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (in[i] == out[i]) continue;
    auto const step =
        scales.empty() ? static_cast<float>(in[i]) / static_cast<float>(out[i]) : static_cast<float>(1.0 / scales[i]);
    auto const places =
        (at::arange(out[i], at::TensorOptions(at::kFloat)) * step).floor().clamp_max(in[i] - 1).to(at::kLong);
    x = call.onnx.gather(x, call.onnx.constant(places), static_cast<std::int64_t>(i) + 2);
  }
  return x;
}

/// Resizing is linear in the pixels: a matrix for the rows and one for the columns, read off from what it makes of single pixels.
inline onnx_value antialiased(onnx_call const& call, interpolation const& how, std::vector<std::int64_t> const& in,
                              std::vector<std::int64_t> const& out) {
  if (in.size() != 2 || !how.scales.empty())
    call.refuse("ONNX resizes by scales without aliasing from opset 18", ".opset = 18");
  auto const dtype = call.dtype(0);
  auto const matrix = [&](std::size_t i) {
    auto const pixels = at::eye(in[i], at::TensorOptions(dtype)).reshape({1, 1, in[i], in[i]});
    auto const sizes = std::vector{out[i], in[i]};
    auto const made = how.mode == "cubic" ? at::_upsample_bicubic2d_aa(pixels, sizes, how.corners)
                                          : at::_upsample_bilinear2d_aa(pixels, sizes, how.corners);
    return made.reshape(sizes);
  };
  auto const rows = call.onnx.constant(matrix(0)), columns = call.onnx.constant(matrix(1).t());
  return call.onnx.emit("MatMul", {rows, call.onnx.emit("MatMul", {call.tensor(0), columns})});
}

inline onnx_results resized(onnx_call const& call, interpolation const& how) {
  auto& onnx = call.onnx;
  auto const rank = call.rank(0), space = rank - 2;
  auto const dtype = call.dtype(0);
  if (how.mode != "nearest" && is_integral(dtype)) call.refuse("expected floats to interpolate between");
  constexpr std::int64_t has_axes = 18;
  std::vector<std::int64_t> in, out;
  bool same_pixels = true;
  for (std::int64_t i = 2; i < rank; ++i) {
    auto const before = call.fixed_size(0, i), after = call.fixed_result_size(i);
    if (!before || !after) continue;
    in.push_back(*before);
    out.push_back(*after);
    auto const scale = how.scales.empty() ? std::nullopt : std::optional(how.scales[static_cast<std::size_t>(i) - 2]);
    same_pixels = same_pixels && takes_same_pixels(*before, *after, scale);
    if (scale && static_cast<std::int64_t>(static_cast<float>(*scale) * static_cast<float>(*before)) != *after)
      call.refuse("float rounds the size that its scale makes");
  }
  bool const fixed = static_cast<std::int64_t>(in.size()) == space;
  if (fixed && in == out && !how.antialias) return {call.tensor(0)};
  if (how.mode == "nearest" && !how.exact && fixed && !same_pixels)
    return {nearest_by_places(call, call.tensor(0), in, out, how.scales)};

  if (how.antialias && onnx.opset() < has_axes) {
    if (!fixed) call.refuse("ONNX resizes open sizes without aliasing from opset 18", ".opset = 18");
    return {antialiased(call, how, in, out)};
  }

  std::vector<onnx_node_attribute> attributes{{"mode", how.mode}};
  if (how.mode == "nearest") {
    attributes.push_back({"coordinate_transformation_mode", how.exact ? "half_pixel" : "asymmetric"});
    attributes.push_back({"nearest_mode", how.exact ? "round_prefer_ceil" : "floor"});
  } else {
    attributes.push_back({"coordinate_transformation_mode", how.corners ? "align_corners" : "half_pixel"});
  }
  // with antialiasing LibTorch takes Pillow's filter
  if (how.mode == "cubic") attributes.push_back({"cubic_coeff_a", how.antialias ? -0.5 : -0.75});
  if (how.antialias) {
    attributes.push_back({"antialias", std::int64_t{1}});
    attributes.push_back({"exclude_outside", std::int64_t{1}});
  }
  if (dtype == at::kLong) call.refuse("ONNX's runtimes resize no int64");
  auto const x = call.tensor(0, dtype);
  auto const finish = [&](onnx_value scales, onnx_value sizes) {
    return as_result(call, onnx.emit("Resize", {x, {}, scales, sizes}, std::move(attributes)), dtype);
  };
  if (!how.scales.empty()) {
    std::vector<float> all{1, 1};
    for (auto const each : how.scales) all.push_back(static_cast<float>(each));
    return finish(onnx.constant(at::tensor(all, at::TensorOptions(at::kFloat))), {});
  }
  if (onnx.opset() >= has_axes) {
    std::vector<std::int64_t> axes;
    for (std::int64_t i = 2; i < rank; ++i) axes.push_back(i);
    attributes.push_back({"axes", axes});
    return finish({}, how.sizes);
  }
  return finish({}, onnx.concat({call.size(0, 0), call.size(0, 1), how.sizes}, 0));
}
/// Scales in a list, or one for each axis; empty where there are none.
inline std::vector<double> scales_of(onnx_call const& call) {
  std::vector<double> all;
  auto const add = [&](c10::IValue const& value) { all.push_back(value.toScalar().toDouble()); };
  if (call.has("scale_factors")) {
    for (auto const& each : call.constant("scale_factors").toListRef()) add(each);
    return all;
  }
  for (auto const* each : {"scales", "scales_d", "scales_h", "scales_w"})
    if (call.has(each)) add(call.constant(each));
  return static_cast<std::int64_t>(all.size()) == call.rank(0) - 2 ? all : std::vector<double>();
}
template <onnx_kind Mode, bool Exact = false, bool Antialias = false>
onnx_results lower_upsample(onnx_call const& call) {
  interpolation how{Mode.text, Exact, call.has("align_corners") && call.flag("align_corners"), Antialias};
  how.scales = scales_of(call);
  if (how.scales.empty()) how.sizes = call.sizes("output_size");
  return resized(call, how);
}
/// What scripted models call: everything by name.
inline onnx_results lower_interpolate(onnx_call const& call) {
  auto const mode = call.has("mode") ? call.text("mode") : "nearest";
  auto const space = static_cast<std::size_t>(call.rank(0) - 2);
  interpolation how{mode.starts_with("nearest") ? "nearest"
                    : mode == "bicubic"         ? "cubic"
                                                : "linear",
                    mode == "nearest-exact", call.has("align_corners") && call.flag("align_corners"),
                    call.has("antialias") && call.flag("antialias")};
  if (mode == "area") call.refuse("it is an adaptive mean", "torch.nn.functional.adaptive_avg_pool2d");
  if (call.has("size")) {
    how.sizes = is_container(call.at("size")->seen[0])
                    ? call.sizes("size")
                    : call.onnx.concat(std::vector<onnx_value>(space, call.sizes("size")), 0);
    return resized(call, how);
  }
  auto const& given = call.constant("scale_factor");
  if (given.isList())
    for (c10::IValue const& each : given.toList()) how.scales.push_back(each.toScalar().toDouble());
  else
    how.scales.assign(space, given.toScalar().toDouble());
  if (call.has("recompute_scale_factor") && call.flag("recompute_scale_factor")) {
    std::vector<std::int64_t> sizes;
    for (std::size_t i = 0; i < space; ++i) {
      auto const size = call.fixed_result_size(static_cast<std::int64_t>(i) + 2);
      if (!size) call.refuse("it computes its scale from sizes that are not known");
      sizes.push_back(*size);
    }
    how.sizes = call.onnx.integers(sizes);
    how.scales.clear();
  }
  return resized(call, how);
}

// --- sampling ----------------------------------------------------------------------------------------------------------
inline onnx_results lower_grid_sampler(onnx_call const& call) {
  auto& onnx = call.onnx;
  constexpr std::int64_t first = 16, renamed = 20;
  if (onnx.opset() < first || (call.rank(0) == 5 && onnx.opset() < renamed))
    call.refuse("ONNX samples by a grid from opset " + std::to_string(call.rank(0) == 5 ? renamed : first));
  bool const new_names = onnx.opset() >= renamed;
  auto const mode = call.integer("interpolation_mode"), padding = call.integer("padding_mode");
  std::string const names[] = {new_names ? "linear" : "bilinear", "nearest", new_names ? "cubic" : "bicubic"};
  std::string const paddings[] = {"zeros", "border", "reflection"};
  auto const dtype = call.dtype(0);
  auto const made = onnx.emit("GridSample", {call.tensor(0, dtype), call.tensor(1, dtype)},
                              {{"mode", names[mode]},
                               {"padding_mode", paddings[padding]},
                               {"align_corners", std::int64_t{call.flag("align_corners")}}});
  return as_result(call, made, dtype);
}
/// Where the pixels of an image come from: the grid itself is fixed, turned by a matrix for each image.
inline onnx_results lower_affine_grid(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const space = call.result_rank() - 2;
  auto const dtype = call.result_dtype();
  std::vector<std::int64_t> sizes{1, 1};
  for (std::int64_t i = 1; i <= space; ++i) {
    auto const size = call.fixed_result_size(i);
    if (!size) call.refuse("the size of the image depends on the inputs");
    sizes.push_back(*size);
  }
  auto const matrix = at::eye(space + 1, at::TensorOptions(dtype)).narrow(0, 0, space).unsqueeze(0);
  auto const plain = at::affine_grid_generator(matrix, sizes, call.flag("align_corners")).reshape({-1, space});
  auto const points = at::cat({plain, at::ones({plain.size(0), 1}, at::TensorOptions(dtype))}, 1);
  auto const turned = onnx.emit("MatMul", {onnx.constant(points), onnx.transpose(call.tensor("theta"), {0, 2, 1})});
  std::vector<std::int64_t> shape(sizes.begin() + 1, sizes.end());
  shape[0] = 0;
  shape.push_back(space);
  return {onnx.reshape(turned, shape)};
}

inline constexpr onnx_operator onnx_resizing[] = {
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
    {"aten::upsample_nearest1d", &lower_upsample<"nearest">},
    {"aten::upsample_nearest2d", &lower_upsample<"nearest">},
    {"aten::upsample_nearest3d", &lower_upsample<"nearest">},
    {"aten::_upsample_nearest_exact1d", &lower_upsample<"nearest", true>},
    {"aten::_upsample_nearest_exact2d", &lower_upsample<"nearest", true>},
    {"aten::_upsample_nearest_exact3d", &lower_upsample<"nearest", true>},
    {"aten::upsample_linear1d", &lower_upsample<"linear">},
    {"aten::upsample_bilinear2d", &lower_upsample<"linear">},
    {"aten::upsample_trilinear3d", &lower_upsample<"linear">},
    {"aten::upsample_bicubic2d", &lower_upsample<"cubic">},
    {"aten::_upsample_bilinear2d_aa", &lower_upsample<"linear", false, true>},
    {"aten::_upsample_bicubic2d_aa", &lower_upsample<"cubic", false, true>},
    {"aten::__interpolate", &lower_interpolate},
    {"aten::grid_sampler", &lower_grid_sampler},
    {"aten::grid_sampler_2d", &lower_grid_sampler},
    {"aten::grid_sampler_3d", &lower_grid_sampler},
    {"aten::affine_grid_generator", &lower_affine_grid},
};

}  // namespace torchdeploy::inline v0::detail

#endif
