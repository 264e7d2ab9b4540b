#include <torchdeploy/verification/scores.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include "support/catch.hpp"

namespace td = torchdeploy;

namespace {

at::Tensor doubles(std::vector<double> const& values) { return at::tensor(values, at::kDouble); }

td::output_score score(at::Tensor const& got, at::Tensor const& expected, td::tolerance within = {}) {
  td::detail::tally tally("output");
  tally.add(0, got, expected, within);
  return tally.score();
}

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("the scores of a small example are what one computes by hand") {
  auto const result = score(doubles({3, 0, 4.5}), doubles({3, 0, 4}));
  CHECK(result.sqnr_db == Approx(20));  // signal 9 + 16, noise 0.25
  CHECK(result.cosine == Approx((9 + 18) / std::sqrt(25 * 29.25)));
  CHECK(result.max_abs == 0.5);
  CHECK(result.max_rel == 0.125);
  CHECK(result.mismatched == 1);
  CHECK(result.numel == 3);
  CHECK(result.reference_min == 0);
  CHECK(result.reference_max == 4);
  CHECK(result.agreement == 1);
  CHECK(result.worst.index == std::vector<std::int64_t>{2});
}

TEST_CASE("scores are of all samples together, not a mean of each") {
  td::detail::tally tally("output");
  tally.add(0, doubles({10, 0}), doubles({10, 0}), {});
  tally.add(1, doubles({1, 4}), doubles({2, 3}), {});
  auto const result = tally.score();
  CHECK(result.sqnr_db == Approx(10 * std::log10(113.0 / 2)));
  CHECK(result.agreement == 1);
  CHECK(result.numel == 4);
  CHECK(result.worst.sample == 1);
}

TEST_CASE("sums keep what float32 would lose") {
  td::detail::tally tally("output");
  auto const expected = at::full({1 << 20}, 0.1);
  for (std::size_t sample = 0; sample < 8; ++sample) tally.add(sample, expected + 1e-4, expected, {});
  auto const value = static_cast<double>(0.1f);
  auto const noise = static_cast<double>(0.1f + 1e-4f) - value;
  CHECK(tally.score().sqnr_db == Approx(20 * std::log10(value / noise)).epsilon(1e-9));
}

TEST_CASE("equal outputs have no noise, and noise without a signal is the worst there is") {
  CHECK(score(doubles({1, 2}), doubles({1, 2})).sqnr_db == infinity);
  CHECK(score(doubles({0, 0}), doubles({0, 0})).sqnr_db == infinity);
  CHECK(score(doubles({0, 0}), doubles({0, 0})).cosine == 1);
  CHECK(score(doubles({1, 0}), doubles({0, 0})).sqnr_db == -infinity);
  CHECK(score(doubles({1, 0}), doubles({0, 0})).cosine == 0);
  CHECK(score(doubles({0, 0}), doubles({1, 2})).sqnr_db == 0);
}

TEST_CASE("one value that is not finite leaves no score") {
  for (double const spoiler : {not_a_number, infinity, -infinity}) {
    auto const result = score(doubles({1, spoiler}), doubles({1, spoiler}));
    CHECK(std::isnan(result.sqnr_db));
    CHECK(std::isnan(result.cosine));
    CHECK(result.not_finite == 1);
    CHECK(result.first_not_finite.index == std::vector<std::int64_t>{1});
    CHECK(result.reference_max == 1);
  }
  auto const excused = score(doubles({2, not_a_number}), doubles({1, not_a_number}), {.equal_nan = true});
  CHECK(excused.sqnr_db == 0);
  CHECK(excused.max_abs == 1);
  CHECK(std::isnan(score(doubles({1, 2}), doubles({1, not_a_number}), {.equal_nan = true}).sqnr_db));
}

TEST_CASE("agreement is of the last dimension, whatever the others are") {
  auto const expected = at::eye(4).expand({3, 4, 4}).clone();
  auto got = expected.clone();
  got[2][1] = got[2][0];
  auto const result = score(got, expected);
  CHECK(result.agreement == Approx(11.0 / 12));
  CHECK(result.disagreement.index == std::vector<std::int64_t>{2, 1});
  CHECK(result.disagreement.got.toInt() == 0);
  CHECK(result.disagreement.expected.toInt() == 1);
}

TEST_CASE("agreement of integers is equality; of single values there is none") {
  CHECK(score(at::arange(4), at::arange(4).clamp_max(2)).agreement == 0.75);
  CHECK(std::isnan(score(at::ones({4, 1}), at::ones({4, 1})).agreement));
  CHECK(std::isnan(score(at::scalar_tensor(1), at::scalar_tensor(1)).agreement));
  CHECK(score(doubles({not_a_number, 1}), doubles({not_a_number, 1})).agreement == 0);
  CHECK(score(doubles({-infinity, 1}), doubles({-infinity, 1})).agreement == 1);  // masked logits
}

TEST_CASE("complex and quantized outputs have scores") {
  auto const z = at::complex(at::tensor({3.0, 0.0}), at::tensor({4.0, 0.0}));
  auto const result = score(z * 1.1, z);
  CHECK(result.sqnr_db == Approx(20).epsilon(1e-5));
  CHECK(result.cosine == Approx(1));
  CHECK(result.reference_max == Approx(5));
  auto const q = [](double value) { return at::quantize_per_tensor(at::full({4}, value), 0.5, 0, at::kQUInt8); };
  CHECK(score(q(5.5), q(5)).sqnr_db == Approx(20));
}

TEST_CASE("an empty output changes nothing") {
  td::detail::tally tally("output");
  tally.add(0, at::empty({0, 4}), at::empty({0, 4}), {});
  CHECK(tally.score().numel == 0);
  CHECK(std::isnan(tally.score().reference_min));
  tally.add(1, at::ones({1, 4}), at::ones({1, 4}), {});
  CHECK(tally.score().numel == 4);
  CHECK(tally.score().reference_min == 1);
}

TEST_CASE("outputs of every dtype have scores") {
  for (auto const dtype :
       {at::kBool, at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf, at::kBFloat16, at::kFloat,
        at::kDouble, at::kComplexHalf, at::kComplexFloat, at::kComplexDouble, at::kFloat8_e4m3fn}) {
    CAPTURE(dtype);
    auto const expected = at::eye(3).to(dtype);
    auto const same = score(expected, expected.clone());
    CHECK(same.sqnr_db == infinity);
    CHECK(same.reference_max == 1);
    auto const other = score(at::ones({3, 3}).to(dtype), expected);
    CHECK(other.sqnr_db == Approx(10 * std::log10(3.0 / 6)));
    CHECK(other.max_abs == 1);
    CHECK(other.mismatched == 6);
  }
}

TEST_CASE("agreement has an interval, as wide as its rows are few") {
  auto const score_of = [](std::int64_t rows) {
    td::detail::tally t("output");
    auto const expected = at::tensor({0.0F, 1.0F}).repeat({rows, 1});
    auto got = expected.clone();
    got[0] = at::tensor({1.0F, 0.0F});
    t.add(0, got, expected, {});
    return t.score();
  };
  auto const few = score_of(10), many = score_of(1000);
  CHECK(few.rows == 10);
  CHECK(few.agreement == Approx(0.9));
  CHECK(std::pair(few.agreement_low, few.agreement_high) == td::wilson_interval(9, 10));
  CHECK(many.agreement_low > few.agreement_low);
  CHECK(td::detail::agreement_text(few) == "0.9 (95 % 0.596 .. 0.982, 10 rows)");
}
