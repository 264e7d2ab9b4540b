#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <torchdeploy/verification/close.hpp>
#include <torchdeploy/verification/interval.hpp>
#include <torchdeploy/verification/outputs.hpp>

namespace torchdeploy::inline v0 {

/// One element of one output of one sample, and its two values.
struct compared_element {
  std::string output{};               ///< "output", "output[1]", "output['logits']"
  std::size_t sample{};               ///< counted from 0
  std::vector<std::int64_t> index{};  ///<
  c10::IValue got{}, expected{};      ///<

  [[nodiscard]] bool empty() const { return output.empty(); }
};

/// How near one output of a model is to the reference's, over all samples; sums are in float64.
struct output_score {
  std::string name;                     ///< "output[1]"
  std::string dtype;                    ///< "float32"
  tolerance within{};                   ///< what was asked for, or the dtype's own
  std::int64_t numel{};                 ///< elements compared
  std::int64_t mismatched{};            ///< elements out of that tolerance
  std::int64_t not_finite{};            ///< elements that are NaN or infinite on either side
  double max_abs{};                     ///< the largest |got - expected|
  double max_rel{};                     ///< the largest |got - expected| / |expected|
  double sqnr_db{};                     ///< 10 log10(sum expected^2 / sum (expected - got)^2); infinity when equal
  double cosine{};                      ///< of the angle between got and expected
  double agreement{};  ///< in what fraction of rows (of the last dimension) the same one is the largest
  double agreement_low{};   ///< its 95 % confidence interval, see `wilson_interval`
  double agreement_high{};  ///<
  std::int64_t rows{};      ///< of which agreement is the fraction; 0 where there is none
  double reference_min{};  ///< the range of the reference's finite values
  double reference_max{};  ///<
  compared_element worst{};  ///< the largest difference, of those out of tolerance if there are any
  compared_element disagreement{};  ///< the first row where another one is the largest, and the two positions
  compared_element first_not_finite{};  ///<
};

namespace detail {

/// Adds up the scores of one output. SQNR and cosine are of finite values only: they are NaN as soon as one is not.
class tally {
 public:
  explicit tally(std::string name) { score_.name = std::move(name); }

  void add(std::size_t sample, at::Tensor const& got, at::Tensor const& expected, tolerance const& within) {
    elementwise const each(got, expected, within);
    score_.dtype = dtype_name(expected.scalar_type());
    score_.within = within;
    if (each.matches.numel() == 0) return;
    add_differences(sample, each, expected.sizes());
    add_sums(sample, each, expected.sizes(), within.equal_nan);
    add_agreement(sample, each, expected.sizes());
  }

  [[nodiscard]] output_score score() const {
    auto result = score_;
    constexpr auto none = std::numeric_limits<double>::quiet_NaN();
    bool const defined = spoiled_ == 0;
    result.sqnr_db = !defined ? none : error_ == 0 ? infinity : 10 * std::log10(expected_ / error_);
    result.cosine = !defined                      ? none
                    : error_ == 0                 ? 1
                    : expected_ == 0 || got_ == 0 ? 0
                                                  : product_ / std::sqrt(expected_ * got_);
    result.agreement = choices_ > 0 ? static_cast<double>(agreeing_) / static_cast<double>(choices_) : none;
    std::tie(result.agreement_low, result.agreement_high) = wilson_interval(agreeing_, choices_);
    result.rows = choices_;
    if (result.reference_min > result.reference_max) result.reference_min = result.reference_max = none;
    return result;
  }

 private:
  static constexpr double infinity = std::numeric_limits<double>::infinity();

  compared_element at(std::size_t sample, elementwise const& each, std::int64_t flat, at::IntArrayRef sizes) const {
    return {score_.name, sample, unraveled(flat, sizes), each.got[flat].item(), each.expected[flat].item()};
  }

  void add_differences(std::size_t sample, elementwise const& each, at::IntArrayRef sizes) {
    auto const mismatched = each.mismatched();
    auto const worst = each.worst();
    auto const rank = std::pair(mismatched > 0, each.difference[worst].item<double>());
    if (score_.worst.empty() || rank > worst_rank_) {
      score_.worst = at(sample, each, worst, sizes);
      worst_rank_ = rank;
    }
    score_.numel += each.matches.numel();
    score_.mismatched += mismatched;
    score_.max_abs = std::max(score_.max_abs, each.max_abs());
    score_.max_rel = std::max(score_.max_rel, each.max_rel());
  }

  void add_sums(std::size_t sample, elementwise const& each, at::IntArrayRef sizes, bool equal_nan) {
    auto not_finite = (at::isfinite(each.got) & at::isfinite(each.expected)).logical_not();
    if (auto const count = not_finite.sum().item<std::int64_t>()) {
      if (score_.not_finite == 0)
        score_.first_not_finite = at(sample, each, not_finite.to(at::kByte).argmax().item<std::int64_t>(), sizes);
      score_.not_finite += count;
      auto const excused =
          equal_nan ? not_finite & each.got.isnan() & each.expected.isnan() : at::zeros_like(not_finite);
      spoiled_ += count - excused.sum().item<std::int64_t>();
    }
    auto const wide = each.got.is_complex() ? at::kComplexDouble : at::kDouble;
    auto const got = each.got.to(wide).masked_fill(not_finite, 0);
    auto const expected = each.expected.to(wide).masked_fill(not_finite, 0);
    auto const energy = [](at::Tensor const& x) { return x.abs().square().sum().item<double>(); };
    expected_ += energy(expected);
    got_ += energy(got);
    error_ += energy(each.difference.masked_fill(not_finite, 0));
    product_ += at::real((expected.conj() * got).sum()).item<double>();
    if (auto const values = each.expected.masked_select(not_finite.logical_not()); values.numel() > 0) {
      auto const [low, high] = at::aminmax(each.got.is_complex() ? values.abs() : values);
      score_.reference_min = std::min(score_.reference_min, low.to(at::kDouble).item<double>());
      score_.reference_max = std::max(score_.reference_max, high.to(at::kDouble).item<double>());
    }
  }

  void add_agreement(std::size_t sample, elementwise const& each, at::IntArrayRef sizes) {
    at::Tensor ours = each.got, theirs = each.expected, agrees;
    if (at::isIntegralType(ours.scalar_type(), true)) {  // positions already: class ids, masks
      agrees = ours.eq(theirs);
    } else if (ours.is_complex() || sizes.empty() || sizes.back() < 2) {
      return;
    } else {
      sizes = sizes.slice(0, sizes.size() - 1);
      auto const classes = each.matches.numel() / c10::multiply_integers(sizes);
      auto const rows = [&](at::Tensor const& x) { return x.view({-1, classes}); };
      ours = rows(each.got).argmax(-1);
      theirs = rows(each.expected).argmax(-1);
      // NaN is the largest to argmax: two of them at the same place agree on nothing
      agrees = ours.eq(theirs) & (rows(each.got).isnan() | rows(each.expected).isnan()).any(-1).logical_not();
    }
    auto const agreeing = agrees.sum().item<std::int64_t>();
    if (agreeing != agrees.numel() && score_.disagreement.empty()) {
      auto const first = agrees.logical_not().to(at::kByte).argmax().item<std::int64_t>();
      score_.disagreement = {score_.name, sample, unraveled(first, sizes), ours[first].item(), theirs[first].item()};
    }
    agreeing_ += agreeing;
    choices_ += agrees.numel();
  }

  output_score score_{.name = {}, .dtype = {}, .reference_min = infinity, .reference_max = -infinity};
  std::pair<bool, double> worst_rank_{};
  double expected_{}, got_{}, error_{}, product_{};
  std::int64_t spoiled_{}, agreeing_{}, choices_{};
};

/// "output[0][3, 7] of sample 2: got 0.31, expected 0.92"
inline std::string place_text(compared_element const& at) {
  return at.output + (at.index.empty() ? "" : list_text(at.index)) + " of sample " + std::to_string(at.sample) + ": " +
         two_values_text(at.got, at.expected);
}

/// "0.993 (95 % 0.984 .. 0.997, 450 rows)"
inline std::string agreement_text(output_score const& score) {
  auto text = number_text(score.agreement, 4);
  if (score.rows > 0)
    text += " (95 % " + number_text(score.agreement_low, 3) + " .. " + number_text(score.agreement_high, 3) + ", " +
            std::to_string(score.rows) + (score.rows == 1 ? " row)" : " rows)");
  return text;
}

}  // namespace detail

}  // namespace torchdeploy::inline v0
