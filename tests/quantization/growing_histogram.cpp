#include <torchdeploy/quantization/growing_histogram.hpp>

#include <limits>

#include "support/models.hpp"

namespace {

double counted(td::detail::growing_histogram const& seen) { return seen.counts().sum().item<double>(); }

}  // namespace

TEST_CASE("a growing histogram counts every finite value once, however often it grows") {
  td::detail::growing_histogram seen;
  CHECK(seen.empty());
  double total = 0;
  for (int i = 1; i < 30; ++i) {
    seen.observe(at::linspace(-i, 2.0 * i, 1000));
    total += 1000;
    CHECK(counted(seen) == Approx(total));
    CHECK(seen.counts().numel() == 2048);
    CHECK(seen.min().item<float>() == static_cast<float>(-i));
    CHECK(seen.max().item<float>() == static_cast<float>(2 * i));
  }
  seen.observe(at::tensor({0.0F, std::numeric_limits<float>::infinity()}));
  CHECK(counted(seen) == Approx(total + 1));
  CHECK_FALSE(seen.saw_nan());
  seen.observe(at::full({1}, std::numeric_limits<float>::quiet_NaN()));
  CHECK(seen.saw_nan());
}

TEST_CASE("counts stay at their values when the bins become wider") {
  td::detail::growing_histogram seen;
  seen.observe(at::full({100}, 0.5F));
  seen.observe(at::tensor({0.0F, 1.0F}));
  seen.observe(at::tensor({-3.0F, 5.0F}));
  auto const bin = (seen.max() - seen.min()).item<float>() / 2048;
  auto const place = static_cast<std::int64_t>((0.5F + 3) / bin);
  CHECK(seen.counts().slice(0, place - 2, place + 3).sum().item<float>() == Approx(100));
}

TEST_CASE("what is seen is not kept: a later change of it changes no count") {
  td::detail::growing_histogram seen;
  auto values = at::linspace(0, 1, 100);
  seen.observe(values);
  values.fill_(7);
  CHECK(seen.max().item<float>() == 1);
  CHECK(counted(seen) == 100);
}
