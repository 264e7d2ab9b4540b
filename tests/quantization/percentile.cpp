#include <torchdeploy/quantization/percentile.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include "support/models.hpp"

namespace {

template <class Observer>
td::value_range range_of(std::vector<at::Tensor> const& batches) {
  Observer seen;
  for (auto const& each : batches) seen.observe(each);
  REQUIRE(seen.range());
  return *seen.range();
}

/// Does that fraction of all values lie below the place? To a bin, and to a value.
bool is_quantile(std::vector<at::Tensor> const& batches, double fraction, float place) {
  auto const all = at::cat(batches);
  auto const bin = (all.max() - all.min()).item<float>() / 2048;
  auto const wanted = fraction * static_cast<double>(all.numel());
  return (all < place - bin).sum().item<double>() <= wanted + 1 &&
         (all <= place + bin).sum().item<double>() >= wanted - 1;
}

}  // namespace

TEST_CASE("a percentile that saw nothing has no range") {
  td::Percentile<99> seen;
  CHECK_FALSE(seen.range());
  seen.observe(at::empty({0}));
  CHECK_FALSE(seen.range());
}

TEST_CASE("the range holds the middle percent: both ends are quantiles, to a bin") {
  for (std::uint64_t seed = 1; seed < 6; ++seed) {
    auto const noise = test::noise({100000}, 8, seed);
    std::vector<at::Tensor> skewed, positive;
    for (auto const& each : noise) skewed.push_back(at::exp(each)), positive.push_back(at::relu(each));
    for (auto const& batches : {noise, skewed, positive}) {
      auto const most = range_of<td::Percentile<99>>(batches), nearly_all = range_of<td::Percentile<99.99>>(batches);
      CHECK(is_quantile(batches, 0.005, most.min));
      CHECK(is_quantile(batches, 0.995, most.max));
      CHECK(is_quantile(batches, 0.00005, nearly_all.min));
      CHECK(is_quantile(batches, 0.99995, nearly_all.max));
    }
  }
}

TEST_CASE("outliers at either end are cut off, and a hundred percent keeps them") {
  auto const tame = test::noise({100000}, 1)[0].clamp(-3, 3);
  auto wild = tame.clone();
  wild[0] = 300;
  wild[1] = -200;
  auto const cut = range_of<td::Percentile<99.9>>({tame, wild});
  CHECK(cut.max == Approx(3).margin(0.5));
  CHECK(cut.min == Approx(-3).margin(0.5));
  auto const all = range_of<td::Percentile<100>>({tame, wild});
  CHECK(all.max == Approx(300));
  CHECK(all.min == Approx(-200));
}

TEST_CASE("the range of fewer percent lies inside that of more") {
  auto const batches = test::noise({10000}, 3);
  auto const half = range_of<td::Percentile<50>>(batches), most = range_of<td::Percentile<99>>(batches),
             all = range_of<td::Percentile<100>>(batches);
  CHECK((all.min < most.min && most.min < half.min && half.min < half.max));
  CHECK((half.max < most.max && most.max < all.max));
}

TEST_CASE("a few values, or all alike, have a range too") {
  auto const one = range_of<td::Percentile<99>>({at::full({1}, 3.0F)});
  CHECK(one.min == 3);
  CHECK(one.max == 3);
  auto const zero = range_of<td::Percentile<99>>({at::zeros({100}), at::zeros({100})});
  CHECK(zero.min == 0);
  CHECK(zero.max == 0);
  auto const two = range_of<td::Percentile<100>>({at::tensor({-1.0F, 1.0F})});
  CHECK(two.min == -1);
  CHECK(two.max == 1);
  // most of what relu lets through is zero: the lower end is zero, whatever is above
  CHECK(range_of<td::Percentile<99.9>>({at::relu(test::noise({10000}, 1)[0])}).min == Approx(0).margin(0.003));
}

TEST_CASE("a percentile loses no NaN and leaves infinity out") {
  auto values = at::linspace(0, 1, 1000);
  values[10] = std::numeric_limits<float>::infinity();
  CHECK(range_of<td::Percentile<100>>({values}).max == Approx(1));
  values[20] = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(range_of<td::Percentile<99.9>>({values, at::ones({5})}).max));
}

TEST_CASE("a percentile tells its number") { CHECK(td::Percentile<99.99>::name == "percentile 99.99"); }
