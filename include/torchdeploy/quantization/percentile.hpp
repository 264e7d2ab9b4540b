#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include <torchdeploy/quantization/growing_histogram.hpp>
#include <torchdeploy/quantization/number.hpp>
#include <torchdeploy/quantization/observer.hpp>

namespace torchdeploy::inline v0 {

/// The middle `P` percent of all values seen: of the rest, half is cut off at either end, so that rare outliers do not
/// decide. After Wu et al., "Integer Quantization for Deep Learning Inference" (2020), section 4.1, where a symmetric range
/// holds P percent of the magnitudes; for an affine range, as here, both tails are cut as ONNX Runtime's
/// PercentileCalibrater does. Usual: 99.9 to 99.999.
///
/// Quantiles are read off a histogram of 2048 bins, evenly within a bin: each end is exact to a 2048th of the largest minus the
/// smallest value seen.
/// @par Example
///     td::quantize<td::Int8, td::Percentile<99.99>>(samples)
template <detail::number P>
struct Percentile {
  static_assert(P.value > 0 && P.value <= 100, "Percentile<P>: P is a percentage in (0, 100], such as 99.99");
  static constexpr std::string_view name = detail::label<"percentile ", P>;

  void observe(at::Tensor const& x) { seen_.observe(x); }
  [[nodiscard]] std::optional<value_range> range() const {
    constexpr auto nan = std::numeric_limits<float>::quiet_NaN();
    if (seen_.saw_nan()) return value_range{nan, nan};
    if (seen_.empty()) return std::nullopt;
    constexpr auto tail = (1 - P.value / 100) / 2;
    auto const sums = seen_.counts().to(at::kDouble).cumsum(0).contiguous();
    auto const* const begin = sums.template const_data_ptr<double>();
    auto const* const end = begin + sums.numel();
    auto const total = *(end - 1);
    auto const min = seen_.min().template item<double>(), max = seen_.max().template item<double>();
    auto const value_at = [&](double wanted, auto const* bin) {
      auto const before = bin == begin ? 0.0 : *(bin - 1);
      auto const within = *bin > before ? (wanted - before) / (*bin - before) : 0.0;
      auto const place = static_cast<double>(bin - begin) + std::clamp(within, 0.0, 1.0);
      return static_cast<float>(min + (max - min) * (place / static_cast<double>(end - begin)));
    };
    auto const low = tail * total, high = (1 - tail) * total;
    return value_range{value_at(low, std::upper_bound(begin, end - 1, low)),
                       value_at(high, std::lower_bound(begin, end - 1, high))};
  }

 private:
  detail::growing_histogram seen_;
};

}  // namespace torchdeploy::inline v0
