#pragma once

#include <optional>
#include <string_view>

#include <torchdeploy/quantization/number.hpp>
#include <torchdeploy/quantization/observer.hpp>

namespace torchdeploy::inline v0 {

/// The extremes of each batch, averaged: a batch moves the range by the fraction `C` of its distance from it, so that one
/// with an outlier does little. The first batch counts in full; with the default of 0.01 it still weighs a third after a
/// hundred, and samples should be batches of like data. torch: MovingAverageMinMaxObserver (averaging_constant),
/// torch/ao/quantization/observer.py. Bit-equal to it.
/// @par Example
///     td::quantize<td::Int8, td::MovingAverage>(batches)
///     td::quantize<td::Int8, td::MovingAverageWith<0.1>>(batches)
template <detail::number C>
struct MovingAverageWith {
  static_assert(C.value > 0 && C.value <= 1, "MovingAverageWith<C>: the averaging constant C lies in (0, 1]");
  static constexpr std::string_view name = detail::label<"moving average ", C>;

  void observe(at::Tensor const& x) {
    if (x.numel() == 0) return;
    auto const [min, max] = detail::extremes(x);
    seen_ = seen_ ? value_range{nearer(seen_->min, min), nearer(seen_->max, max)} : value_range{min, max};
  }
  [[nodiscard]] std::optional<value_range> range() const { return seen_; }

 private:
  /// In float32, each step rounded as in torch: a product that passes through double is never fused with the sum.
  static float nearer(float average, float now) {
    constexpr double constant = static_cast<float>(C.value);
    return average + static_cast<float>(constant * static_cast<double>(now - average));
  }

  std::optional<value_range> seen_;
};

/// torch's default averaging constant.
using MovingAverage = MovingAverageWith<0.01>;

}  // namespace torchdeploy::inline v0
