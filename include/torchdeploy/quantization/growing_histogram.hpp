#pragma once

#include <cmath>
#include <cstdint>
#include <tuple>

#include <torchdeploy/detail/libtorch/tensor_ops.hpp>

namespace torchdeploy::inline v0::detail {

/// Counts of all values seen, in bins of equal width between the smallest and the largest: a fixed amount of memory,
/// however many samples there are. A value outside makes the bins wider. Infinity is left out, as in torch.
class growing_histogram {
 public:
  static constexpr std::int64_t bins = 2048;

  void observe(at::Tensor const& seen) {
    if (seen.numel() == 0) return;
    auto x = seen.detach().to(at::kFloat);
    auto [low, high] = at::aminmax(x);
    if (std::isnan(low.item<float>())) {
      saw_nan_ = true;
      return;
    }
    if (std::isinf(low.item<float>()) || std::isinf(high.item<float>())) {
      x = x.masked_select(at::isfinite(x));
      if (x.numel() == 0) return;
      std::tie(low, high) = at::aminmax(x);
    }
    if (!counts_.defined()) {
      min_ = low, max_ = high;
      counts_ = count(x);
      return;
    }
    auto const min = at::min(min_, low), max = at::max(max_, high);
    auto const wider = !min.equal(min_) || !max.equal(max_);
    auto const before = wider ? spread_over(min, max) : counts_;
    min_ = min, max_ = max;
    counts_ = wider ? count(x) + before : before + count(x);
  }

  [[nodiscard]] bool empty() const { return !counts_.defined(); }
  [[nodiscard]] bool saw_nan() const { return saw_nan_; }
  [[nodiscard]] at::Tensor const& counts() const { return counts_; }  ///< float32 `[bins]`
  [[nodiscard]] at::Tensor const& min() const { return min_; }
  [[nodiscard]] at::Tensor const& max() const { return max_; }

 private:
  static constexpr std::int64_t upsampling = 16;  // finer bins while an old histogram moves into a wider one

  [[nodiscard]] at::Tensor count(at::Tensor const& x) const { return at::histc(x, bins, min_.item(), max_.item()); }

  /// The counts so far, moved into the bins of a wider range.
  [[nodiscard]] at::Tensor spread_over(at::Tensor const& min, at::Tensor const& max) const {
    if (min_.equal(max_)) return at::histc(min_, bins, min.item(), max.item()) * counts_.sum();
    auto const fine = counts_.repeat_interleave(upsampling) / upsampling;
    auto const fine_width = (max_ - min_) / (bins * upsampling);
    auto const centers =
        at::linspace(min_.item(), max_.item(), bins * upsampling + 1).slice(0, 0, -1) + fine_width * 0.5;
    auto const borders = at::linspace(min.item(), max.item(), bins + 1);
    auto const bin = (at::bucketize(centers, borders, /*out_int32=*/false, /*right=*/true) - 1).clamp(0, bins - 1);
    return at::bincount(bin, fine, bins);
  }

  bool saw_nan_ = false;
  at::Tensor min_, max_, counts_;
};

}  // namespace torchdeploy::inline v0::detail
