#include <torchdeploy/backend/warmup.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/optimize.hpp>
#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"

namespace {

using test::failure_of;

td::warmed_shape judged(std::vector<double> const& milliseconds) { return td::detail::judged("x", milliseconds); }

}  // namespace

TEST_CASE("the steady time is the median of the later half, and slow are the calls before it settles") {
  auto const usual = judged({90, 30, 20, 1, 1, 2, 1, 1, 1, 1});
  CHECK(usual.calls == 10);
  CHECK(usual.first_milliseconds == 90);
  CHECK(usual.steady_milliseconds == 1);
  CHECK(usual.slow_calls == 3);
  CHECK(judged({5, 1, 9, 1, 1, 1, 1, 1}).slow_calls == 1);
  CHECK(judged({1, 1, 1, 1, 1, 1, 9, 1}).slow_calls == 0);  // later ones are the machine's
  CHECK(judged({1, 1, 1, 1}).slow_calls == 0);
  CHECK(judged({7}).first_milliseconds == 7);
  CHECK(judged({7}).steady_milliseconds == 7);
  CHECK(judged({7}).slow_calls == 0);
}

TEST_CASE("a session warms up with the artifact's examples, once for each shape") {
  auto const images = std::vector{test::digits(1), test::digits(3), test::digits(1)};
  auto const session =
      td::load<td::TorchScript>(test::model_path("digits_cnn"), {.examples = images}) | td::deploy<td::LibTorch>();
  auto const seen = session.warmup(8);
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].shape == "[1, 1, 8, 8]");
  CHECK(seen[1].shape == "[3, 1, 8, 8]");
  for (auto const& each : seen) {
    CHECK(each.calls == 8);
    CHECK(each.steady_milliseconds > 0);
    CHECK(each.first_milliseconds > 0);
  }
  CHECK(seen[0].first_milliseconds > 2 * seen[0].steady_milliseconds);
  CHECK(seen[0].slow_calls >= 1);
}

TEST_CASE("samples for warming up go before examples") {
  auto const session =
      td::load<td::TorchScript>(test::model_path("digits_cnn"), {.examples = test::digits(4).split(4)}) |
      td::deploy<td::LibTorch>();
  auto const seen = session.warmup(1, {.samples = test::digits(2).split(2)});
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].shape == "[2, 1, 8, 8]");
}

TEST_CASE("after warming up no call of that shape compiles, for what is traced, scripted, frozen, optimized, int8") {
  auto const x = std::vector{test::digits(1)};
  auto const check = [&](auto const session) {
    auto const cold = session.warmup(10, {.samples = x})[0];
    auto const first = session.warmup(1, {.samples = x})[0], second = session.warmup(1, {.samples = x})[0];
    // the better of two, since the machine may be busy
    CHECK(std::min(first.first_milliseconds, second.first_milliseconds) < cold.first_milliseconds / 2);
  };
  for (std::string const name : {"digits_cnn", "digits_cnn_traced"}) {
    auto const opened = [&] { return test::load(name); };
    check(opened() | td::deploy<td::LibTorch>());
    check(opened() | td::freeze() | td::deploy<td::LibTorch>());
    check(opened() | td::optimize() | td::deploy<td::LibTorch>());
    check(opened() | td::quantize<td::Int8>(test::calibration_digits()) | td::deploy<td::LibTorch>());
  }
}

TEST_CASE("warming up leaves what a model remembers as it was") {
  auto const x = test::noise({1, 16});
  for (bool const frozen : {false, true}) {
    auto const deployed = [&] {
      if (frozen) return test::load("exported_methods") | td::freeze() | td::deploy<td::LibTorch>();
      return test::load("exported_methods") | td::deploy<td::LibTorch>();
    };
    auto const cold = deployed();
    auto const warm = deployed();
    warm.warmup(5, {.samples = x});
    for (int i = 0; i < 3; ++i) CHECK(test::same_bits(warm(x[0]), cold(x[0])));
    warm.warmup(5, {.samples = x});
    CHECK(test::same_bits(warm(x[0]), cold(x[0])));
  }
}

TEST_CASE("warming up leaves the samples as they were") {
  auto const session =
      td::evaluate(test::scripted("def forward(self, x): return x.add_(1)")) | td::deploy<td::LibTorch>();
  auto const x = at::zeros({2});
  session.warmup(3, {.samples = std::vector{x}});
  CHECK(x.sum().item<float>() == 0);
}

TEST_CASE("samples of several arguments, and none that are tensors, have shapes too") {
  auto const session = test::load("silero_vad") | td::deploy<td::LibTorch>();
  auto const chunk = at::zeros({1, 512});
  auto const seen = session.warmup(2, {.samples = std::vector{std::pair{chunk, 16000}}});
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].shape == "[1, 512] Int");
}

TEST_CASE("what can't be warmed up is said") {
  auto const session = test::load("digits_cnn") | td::deploy<td::LibTorch>();
  auto const nothing = failure_of<td::backend_error>([&] { session.warmup(3); });
  CHECK(nothing.code == td::errc::nothing_to_warm_up_with);
  CHECK_THAT(nothing.text, ContainsSubstring("samples"));
  auto const x = std::vector{test::digits(1)};
  for (int const calls : {0, -1})
    CHECK(failure_of<td::backend_error>([&] { session.warmup(calls, {.samples = x}); }).code ==
          td::errc::setting_out_of_range);
  auto const unfit = std::vector{at::ones({1, 3, 8, 8})};
  CHECK(failure_of<td::backend_error>([&] { session.warmup(3, {.samples = unfit}); }).code == td::errc::call_raised);
  CHECK(session.warmup(1, {.samples = x}).size() == 1);
}

TEST_CASE("a backend that offers no rehearsal is warmed up by calling it") {
  struct counting {
    int* calls;
    void operator()(std::string const&) const { ++*calls; }
  };
  int calls = 0;
  auto const seen = td::detail::warm(counting{&calls}, 3, std::vector<std::string>{"a", "b"});
  CHECK(calls == 6);  // without a shape to tell them by, each example is one
  CHECK(seen.size() == 2);
}
