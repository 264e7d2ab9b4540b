#pragma once

#include <torchdeploy/onnx/lowering/slicing.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Images of another size, interpolated and sampled.
namespace torchdeploy::inline v0::detail {

// --- interpolation -----------------------------------------------------------------------------------------------------
struct interpolation {
  std::string mode;  ///< of Resize: "nearest", "linear", "cubic"
  bool exact = false;  ///< nearest, to the middle of the pixel
  bool corners = false;  ///< the corners of both images are one
  bool antialias = false;
  onnx_value sizes{};  ///< of the spatial axes, where they were asked for
  std::vector<double> scales{};  ///< of the spatial axes, where they were asked for
};

/// The pixels that LibTorch takes along an axis, read off from what it makes of an image that counts them.
inline at::Tensor nearest_pixels(interpolation const& how, std::vector<std::int64_t> const& in,
                                 std::vector<std::int64_t> const& out, std::size_t axis) {
  auto const space = in.size();
  std::vector<std::int64_t> shape(space + 2, 1), sizes{1, 1};
  shape[axis + 2] = in[axis];
  sizes.insert(sizes.end(), in.begin(), in.end());
  auto const image = at::arange(in[axis], at::TensorOptions(at::kFloat)).reshape(shape).expand(sizes).contiguous();
  auto const scale = [&](std::size_t i) { return how.scales.empty() ? std::nullopt : std::optional(how.scales[i]); };
  auto const resize = [&]() -> at::Tensor {
    if (space == 1)
      return how.exact ? at::_upsample_nearest_exact1d(image, out, scale(0))
                       : at::upsample_nearest1d(image, out, scale(0));
    if (space == 2)
      return how.exact ? at::_upsample_nearest_exact2d(image, out, scale(0), scale(1))
                       : at::upsample_nearest2d(image, out, scale(0), scale(1));
    return how.exact ? at::_upsample_nearest_exact3d(image, out, scale(0), scale(1), scale(2))
                     : at::upsample_nearest3d(image, out, scale(0), scale(1), scale(2));
  };
  auto made = resize();
  for (auto i = space + 2; i-- > 0;)
    if (i != axis + 2) made = made.select(static_cast<std::int64_t>(i), 0);
  return made.to(at::kLong);
}
/// The pixels that Resize takes: it rounds the quotient of sizes otherwise.
inline at::Tensor pixels_of_resize(interpolation const& how, std::int64_t in, std::int64_t out, std::size_t axis) {
  auto const scale =
      how.scales.empty() ? static_cast<float>(out) / static_cast<float>(in) : static_cast<float>(how.scales[axis]);
  auto const middle = how.exact ? 0.5F : 0.0F;
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < out; ++i) {
    auto const place = (static_cast<float>(i) + middle) / scale - middle;
    all.push_back(std::clamp(static_cast<std::int64_t>(how.exact ? std::round(place) : std::floor(place)),
                             std::int64_t{0}, in - 1));
  }
  return at::tensor(all, at::kLong);
}
/// The nearest pixels of fixed sizes, taken by their places where Resize takes others. None: it takes the same.
inline std::optional<onnx_value> nearest_by_places(onnx_call const& call, interpolation const& how,
                                                   std::vector<std::int64_t> const& in,
                                                   std::vector<std::int64_t> const& out) {
  bool same = true, as_it_was = in == out;
  std::vector<at::Tensor> places;
  for (std::size_t i = 0; i < in.size(); ++i) {
    places.push_back(nearest_pixels(how, in, out, i));
    // an axis that keeps its size runtimes copy, whatever the scale: OpenVINO each, ONNX Runtime where all are so
    same = same && (in[i] != out[i] || how.scales.empty()) &&
           at::equal(places.back(), pixels_of_resize(how, in[i], out[i], i));
    as_it_was = as_it_was && at::equal(places.back(), at::arange(in[i]));
  }
  if (as_it_was) return call.tensor(0);
  if (same) return std::nullopt;
  auto x = call.tensor(0);
  for (std::size_t i = 0; i < in.size(); ++i)
    if (in[i] != out[i] || !at::equal(places[i], at::arange(in[i])))
      x = call.onnx.gather(x, call.onnx.constant(places[i]), static_cast<std::int64_t>(i) + 2);
  return x;
}

/// A scale in float, as Resize has it, that makes the sizes that LibTorch makes with one in double: of all up to 16384, where
/// the size is open. 1.3 in float is less, and of 10 made 12; the number next to it is as good for the pixels.
inline float scale_for_resize(onnx_call const& call, double scale, std::optional<std::int64_t> size) {
  constexpr std::int64_t most = 16384;
  auto const fits = [&](float tried, std::int64_t each) {
    return static_cast<std::int64_t>(tried * static_cast<float>(each)) ==
           static_cast<std::int64_t>(std::floor(static_cast<double>(each) * scale));
  };
  auto tried = static_cast<float>(scale);
  for (int i = 0; i < 4; ++i, tried = std::nextafter(tried, std::numeric_limits<float>::infinity())) {
    bool all = true;
    for (auto each = size.value_or(1); all && each <= size.value_or(most); ++each) all = fits(tried, each);
    if (all) return tried;
  }
  call.refuse("float rounds the sizes that its scale makes", "interpolate(x, size=...)");
}

/// Resizing is linear in the pixels: a matrix for the rows and one for the columns, read off from what it makes of single pixels.
inline onnx_value resized_by_matrices(onnx_call const& call, interpolation const& how,
                                      std::vector<std::int64_t> const& in, std::vector<std::int64_t> const& out) {
  if (in.size() != 2 || (how.antialias && !how.scales.empty()))
    call.refuse("ONNX resizes by scales without aliasing from opset 18", ".opset = 18");
  auto const matrix = [&](std::size_t i) {
    auto const pixels = at::eye(in[i], at::TensorOptions(at::kDouble)).reshape({1, 1, in[i], in[i]});
    auto const sizes = std::vector{out[i], in[i]};
    auto const scale = how.scales.empty() ? std::nullopt : std::optional(how.scales[i]);
    auto const made = !how.antialias        ? at::upsample_bicubic2d(pixels, sizes, how.corners, scale, std::nullopt)
                      : how.mode == "cubic" ? at::_upsample_bicubic2d_aa(pixels, sizes, how.corners)
                                            : at::_upsample_bilinear2d_aa(pixels, sizes, how.corners);
    return made.reshape(sizes).to(call.dtype(0));
  };
  auto const rows = call.onnx.constant(matrix(0)), columns = call.onnx.constant(matrix(1).t());
  return call.onnx.emit("MatMul", {rows, call.onnx.emit("MatMul", {call.tensor(0), columns})});
}

inline onnx_results resized(onnx_call const& call, interpolation how) {
  auto& onnx = call.onnx;
  auto const rank = call.rank(0), space = rank - 2;
  auto const dtype = call.dtype(0);
  if (how.mode != "nearest" && is_integral(dtype)) call.refuse("expected floats to interpolate between");
  constexpr std::int64_t has_axes = 18;
  std::vector<std::int64_t> in, out;
  for (std::int64_t i = 2; i < rank; ++i) {
    auto const before = call.fixed_size(0, i), after = call.fixed_result_size(i);
    if (!before || !after) continue;
    in.push_back(*before);
    out.push_back(*after);
    // along such an axis LibTorch takes the pixels as they are, whatever the scale
    if (how.mode == "linear" && !how.scales.empty() && before == after) how.scales[static_cast<std::size_t>(i) - 2] = 1;
  }
  bool const fixed = static_cast<std::int64_t>(in.size()) == space;
  if (fixed && how.mode == "nearest")
    if (auto const made = nearest_by_places(call, how, in, out)) return {*made};
  if (fixed && in == out && !how.antialias && (how.mode == "linear" || how.scales.empty())) return {call.tensor(0)};

  // by a scale that leaves an axis its size LibTorch moves the pixels of a cubic all the same, and runtimes do not
  bool const keeps_a_size = !std::equal(in.begin(), in.end(), out.begin(), std::not_equal_to<>());
  if (how.mode == "cubic" && !how.antialias && !how.scales.empty() && fixed && keeps_a_size)
    return {resized_by_matrices(call, how, in, out)};
  if (how.antialias && onnx.opset() < has_axes) {
    if (!fixed) call.refuse("ONNX resizes open sizes without aliasing from opset 18", ".opset = 18");
    return {resized_by_matrices(call, how, in, out)};
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
  auto const finish = [&](onnx_value scales, onnx_value sizes) -> onnx_results {
    return {onnx.emit("Resize", {call.tensor(0), {}, scales, sizes}, std::move(attributes))};
  };
  if (!how.scales.empty()) {
    std::vector<float> all{1, 1};
    for (std::size_t i = 0; i < how.scales.size(); ++i)
      all.push_back(scale_for_resize(call, how.scales[i], call.fixed_size(0, static_cast<std::int64_t>(i) + 2)));
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
  return {onnx.emit("GridSample", {call.tensor(0), call.tensor(1)},
                    {{"mode", names[mode]},
                     {"padding_mode", paddings[padding]},
                     {"align_corners", std::int64_t{call.flag("align_corners")}}})};
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
  auto const precise = at::TensorOptions(at::kDouble);
  auto const matrix = at::eye(space + 1, precise).narrow(0, 0, space).unsqueeze(0);
  auto const plain = at::affine_grid_generator(matrix, sizes, call.flag("align_corners")).reshape({-1, space});
  auto const points = at::cat({plain, at::ones({plain.size(0), 1}, precise)}, 1).to(dtype);
  auto const turned = onnx.emit("MatMul", {onnx.constant(points), onnx.transpose(call.tensor("theta"), {0, 2, 1})});
  std::vector<std::int64_t> shape(sizes.begin() + 1, sizes.end());
  shape[0] = 0;
  shape.push_back(space);
  return {onnx.reshape(turned, shape)};
}

inline constexpr onnx_operator onnx_resizing[] = {
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
