#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include <torchdeploy/quantization/growing_histogram.hpp>
#include <torchdeploy/quantization/observer.hpp>

namespace torchdeploy::inline v0 {

/// Keeps a histogram of all that was seen, and chooses the range inside it whose quantization loses least (L2): outliers
/// are clipped where that pays. torch's default for activations: HistogramObserver, torch/ao/quantization/observer.py,
/// after norm minimization in caffe2/quantization/server. Bit-equal to it.
struct Histogram {
  static constexpr std::string_view name = "histogram";

  void observe(at::Tensor const& x) { seen_.observe(x); }
  [[nodiscard]] std::optional<value_range> range() const {
    constexpr auto nan = std::numeric_limits<float>::quiet_NaN();
    if (seen_.saw_nan()) return value_range{nan, nan};
    if (seen_.empty()) return std::nullopt;
    auto const [first, last] = search();
    auto const width = (seen_.max() - seen_.min()) / bins;
    return value_range{(seen_.min() + width * first).item<float>(), (seen_.min() + width * (last + 1)).item<float>()};
  }

 private:
  static constexpr std::int64_t bins = detail::growing_histogram::bins;
  static constexpr std::int64_t levels = 256;  // of an 8-bit value, whatever part of them the engine uses

  /// First and last bin of the range that loses least, narrowed from both ends in steps of 1e-5 of all counts, on the side
  /// where a step drops more bins, until the loss grows.
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> search() const {
    auto const total = static_cast<double>(seen_.counts().sum().item<float>());
    auto const sums = seen_.counts().cumsum(0).contiguous();
    auto const* const sum = sums.const_data_ptr<float>();
    constexpr double step = 1e-5;
    double alpha = 0, beta = 1;
    std::int64_t first = 0, last = bins - 1;
    double least = std::numeric_limits<double>::infinity();
    // torch compares a float32 tensor element with a Python number: the number is rounded to float32
    while (alpha < beta) {
      auto const next_alpha = alpha + step, next_beta = beta - step;
      auto left = first, right = last;
      auto const low = static_cast<float>(next_alpha * total), high = static_cast<float>(next_beta * total);
      while (left < last && sum[left] < low) ++left;
      while (right > first && sum[right] > high) --right;
      auto next_first = first, next_last = last;
      if (left - first > last - right) {
        next_first = left;
        alpha = next_alpha;
      } else {
        next_last = right;
        beta = next_beta;
      }
      if (next_first == first && next_last == last) continue;
      auto const now = loss(next_first, next_last);
      if (now > least) break;
      least = now;
      first = next_first, last = next_last;
    }
    return {first, last};
  }

  /// Squared error of quantizing everything with the range of bins [first, last].
  [[nodiscard]] double loss(std::int64_t first, std::int64_t last) const {
    auto const width =
        (static_cast<double>(seen_.max().item<float>()) - static_cast<double>(seen_.min().item<float>())) / bins;
    auto const level = width * static_cast<double>(last - first + 1) / levels;
    if (level == 0) return 0;
    auto const begin = (at::arange(bins) - first) * width;
    auto const end = begin + width;
    auto const level_of = [&](at::Tensor const& x) { return at::div(x, level, "floor").clamp(0, levels - 1); };
    auto const level_begin = level_of(begin), level_end = level_of(end);
    auto const density = seen_.counts() / width;
    // of values spread evenly between two distances from their level
    auto const norm = [&](at::Tensor const& from, at::Tensor const& to) {
      return density * ((to * to * to - from * from * from) / 3);
    };
    auto const scalar = [](double value) { return at::full({}, value, at::kFloat); };
    auto sum = at::zeros({bins});
    sum += norm(begin - (level_begin + 0.5) * level, at::ones({bins}) * (level / 2));
    sum += (level_end - level_begin - 1) * norm(scalar(-level / 2), scalar(level / 2));
    sum += norm(scalar(-level / 2), end - (level_end * level + level / 2));
    return static_cast<double>(sum.sum().item<float>());
  }

  detail::growing_histogram seen_;
};

}  // namespace torchdeploy::inline v0
