#pragma once

#include <cmath>
#include <limits>
#include <optional>
#include <string_view>

#include <torchdeploy/quantization/observer.hpp>

namespace torchdeploy::inline v0 {

/// The smallest and the largest value seen: nothing is clipped, and one outlier decides.
/// torch: MinMaxObserver, torch/ao/quantization/observer.py. Bit-equal to it.
struct MinMax {
  static constexpr std::string_view name = "minmax";

  void observe(at::Tensor const& x) {
    if (x.numel() == 0) return;
    auto const [lowest, highest] = detail::extremes(x);
    // a NaN must not be lost in a comparison: it makes the range NaN, which calibration refuses
    auto const keep = [](float a, float b, bool first) {
      return std::isnan(a) || std::isnan(b) ? a + b : first ? a : b;
    };
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

}  // namespace torchdeploy::inline v0
