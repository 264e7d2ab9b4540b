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

/// What watches one activation while the samples run, and tells the range to quantize it with.
///
/// A user's own observer is any type with these three members; `range()` is empty when nothing was observed.
/// @par Example
///     struct Clipped {
///       static constexpr std::string_view name = "clipped";
///       td::MinMax all;
///       void observe(at::Tensor const& x) { all.observe(x); }
///       auto range() const { auto r = all.range(); if (r) r->max = std::min(r->max, 6.0f); return r; }
///     };
template <class O>
concept observer = std::default_initializable<O> && requires(O o, O const& seen, at::Tensor const& x) {
  { O::name } -> std::convertible_to<std::string_view>;
  o.observe(x);
  { seen.range() } -> std::convertible_to<std::optional<value_range>>;
};

/// The smallest and the largest value seen. torch: MinMaxObserver, torch/ao/quantization/observer.py.
struct MinMax {
  static constexpr std::string_view name = "minmax";

  void observe(at::Tensor const& x) {
    if (x.numel() == 0) return;
    auto const [low, high] = at::aminmax(x.detach().to(at::kFloat));
    // a NaN must not be lost in a comparison: it makes the range NaN, which calibration refuses
    auto const keep = [](float a, float b, bool first) {
      return std::isnan(a) || std::isnan(b) ? a + b : first ? a : b;
    };
    auto const lowest = low.item<float>(), highest = high.item<float>();
    min_ = keep(min_, lowest, min_ < lowest);
    max_ = keep(max_, highest, max_ > highest);
  }
  [[nodiscard]] std::optional<value_range> range() const {
    if (min_ == infinity && max_ == -infinity) return std::nullopt;
    return value_range{min_, max_};
  }

 private:
  static constexpr float infinity = std::numeric_limits<float>::infinity();
  float min_ = infinity;
  float max_ = -infinity;
};

namespace detail {

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
