#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include <torchdeploy/detail/libtorch/tensor_ops.hpp>

namespace torchdeploy::inline v0 {

/// The interval that an activation's values are mapped from.
struct value_range {
  float min{};
  float max{};
};

namespace detail {
template <class O>
concept has_name = requires {
  { O::name } -> std::convertible_to<std::string_view>;
};
template <class O>
concept has_observe = requires(O& o, at::Tensor const& x) { o.observe(x); };
template <class O>
concept has_range = requires(O const& o) {
  { o.range() } -> std::convertible_to<std::optional<value_range>>;
};
}  // namespace detail

/// What watches one activation while the samples run, and tells the range to quantize it with.
///
/// There are `Histogram`, `MinMax`, `MovingAverage` and `Percentile<P>`. A user's own is any type with these three members,
/// whatever else it has; each activation gets one, made by its default constructor. `range()` is empty when nothing was
/// observed; where it is NaN or infinite, the quantization is refused with the place.
/// @par Example
///     struct Clipped {
///       static constexpr std::string_view name = "clipped";
///       td::MinMax all;
///       void observe(at::Tensor const& x) { all.observe(x); }
///       auto range() const { auto r = all.range(); if (r) r->max = std::min(r->max, 6.0f); return r; }
///     };
template <class O>
concept observer =
    std::default_initializable<O> && detail::has_name<O> && detail::has_observe<O> && detail::has_range<O>;

namespace detail {

/// Smallest and largest value, in float32; both NaN when one is.
inline value_range extremes(at::Tensor const& x) {
  auto const [low, high] = at::aminmax(x.detach().to(at::kFloat));
  return {low.item<float>(), high.item<float>()};
}

struct qparams {
  float scale{1};
  std::int64_t zero_point{};
};

/// Scale and zero point of an activation (quint8, affine), in float32 throughout as torch computes them:
/// UniformQuantizationObserverBase._calculate_qparams. The range is made to hold zero.
inline qparams affine(value_range range, std::int64_t qmin, std::int64_t qmax) {
  auto const low = std::min(range.min, 0.0f);
  auto const high = std::max(range.max, 0.0f);
  auto const scale = std::max((high - low) / static_cast<float>(qmax - qmin), std::numeric_limits<float>::epsilon());
  auto const zero_point = qmin - static_cast<std::int64_t>(std::nearbyint(low / scale));
  return {scale, std::clamp(zero_point, qmin, qmax)};
}

/// Scales of a weight (qint8, symmetric): one for each output channel (PerChannelMinMaxObserver) or a single one
/// (MinMaxObserver). The denominator is (127 - -128) / 2; with 127 the result is not torch's.
inline at::Tensor weight_scales(at::Tensor const& weight, bool per_channel) {
  auto const rows =
      per_channel ? weight.detach().to(at::kFloat).flatten(1) : weight.detach().to(at::kFloat).reshape({1, -1});
  auto const [low, high] = at::aminmax(rows, 1);
  return at::max(-low.clamp_max(0), high.clamp_min(0)).div(127.5).clamp_min(std::numeric_limits<float>::epsilon());
}

}  // namespace detail

}  // namespace torchdeploy::inline v0
