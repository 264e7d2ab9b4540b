#include <torchdeploy/verification/comparing.hpp>

#include <cmath>
#include <cstddef>
#include <exception>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "support/raised.hpp"

namespace {

using td::detail::comparing;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

comparing with(td::verify_options options, td::report const* history = nullptr) {
  return comparing(td::detail::plan_criteria(std::move(options), history), "a table");
}

at::Tensor doubles(std::vector<double> const& values) { return at::tensor(values, at::kDouble); }

/// Scores that were written down before.
td::metric recorded(std::vector<double> const& scores, double at_least) {
  return {"pitch",
          [scores, next = std::size_t{}](c10::IValue const&, c10::IValue const&) mutable { return scores.at(next++); },
          at_least};
}

/// Compares one tensor so many times and says what became of it.
td::comparison after(td::verify_options options, std::size_t samples = 1) {
  auto work = with(std::move(options));
  for (std::size_t i = 0; i < samples; ++i) CHECK(work.add(doubles({1, 2}), doubles({1, 2})));
  return work.finish();
}

std::vector<std::string> names_of(std::vector<td::criterion> const& all) {
  std::vector<std::string> names;
  for (auto const& each : all) names.push_back(each.name);
  return names;
}

}  // namespace

TEST_CASE("criteria are judged in one order, however many are asked for") {
  td::verify_options const all{
      .rtol = 0, .atol = 0, .sqnr_db = 0, .agreement = 0, .max_abs = 0, .cosine = 0, .metric = recorded({1}, 1)};
  auto work = with(all);
  CHECK(work.add(std::tuple(doubles({1, 2}), 3), std::tuple(doubles({1, 2}), 3)));
  auto const result = work.finish();
  CHECK(result.passed);
  CHECK(names_of(result.criteria) ==
        std::vector<std::string>{"close", "sqnr", "max_abs", "cosine", "agreement", "equal", "pitch"});
  for (auto const& each : result.criteria) CHECK(each.passed);
  CHECK(result.reference == "a table");
  CHECK(result.why == "asked for");
  CHECK(result.samples == 1);
}

TEST_CASE("the first criterion that fails is the failure, and all are told of") {
  auto work = with({.sqnr_db = 0, .max_abs = 0.25, .cosine = 1, .metric = recorded({0}, 1)});
  CHECK(work.add(doubles({1, 2.5}), doubles({1, 2})));
  auto const result = work.finish();
  CHECK_FALSE(result.passed);
  CHECK(result.failure == "expected max_abs <= 0.25, got 0.5; worst at output[1] of sample 0: got 2.5, expected 2");
  CHECK(result.worst.got.toDouble() == 2.5);
  REQUIRE(result.criteria.size() == 4);
  CHECK(result.criteria[0].passed);
  CHECK_FALSE(result.criteria[1].passed);
  CHECK_FALSE(result.criteria[2].passed);
  CHECK_FALSE(result.criteria[3].passed);
}

TEST_CASE("a comparison that passed points at the largest difference, if there is one") {
  auto work = with({.max_abs = 1});
  work.add(std::tuple(doubles({1, 2}), doubles({3})), std::tuple(doubles({1, 2.25}), doubles({2.5})));
  work.add(std::tuple(doubles({1, 2}), doubles({3})), std::tuple(doubles({1, 2}), doubles({2.25})));
  auto const result = work.finish();
  CHECK(result.passed);
  CHECK(result.failure.empty());
  CHECK(result.worst.output == "output[1]");
  CHECK(result.worst.sample == 1);
  CHECK(result.outputs.size() == 2);
  CHECK(after({.max_abs = 1}).worst.empty());
}

TEST_CASE("a difference in structure stops, and what was compared before it stays") {
  auto work = with({.sqnr_db = 20});
  CHECK(work.add(doubles({1, 2}), doubles({1, 2})));
  CHECK_FALSE(work.add(doubles({1, 2, 3}), doubles({1, 2})));
  auto const result = work.finish();
  CHECK_FALSE(result.passed);
  CHECK(result.structure == "output: expected float64 [2], got float64 [3]");
  CHECK(result.failure == result.structure + " on sample 1");
  CHECK(result.samples == 2);
  CHECK(result.criteria.empty());
  REQUIRE(result.outputs.size() == 1);
  CHECK(result.outputs[0].numel == 2);

  auto at_once = with({.sqnr_db = 20});
  CHECK_FALSE(at_once.add(doubles({1}), c10::IValue()));
  auto const first = at_once.finish();
  CHECK(first.failure == "output: expected None, got float64 [1]");
  CHECK(first.outputs.empty());
}

TEST_CASE("beside other criteria a metric does not excuse another structure, alone it does") {
  auto strict = with({.sqnr_db = 20, .metric = recorded({1}, 1)});
  CHECK_FALSE(strict.add(doubles({1}), 1));
  CHECK_FALSE(strict.finish().passed);
  auto alone = with({.metric = recorded({1, 0.5}, 0.75)});
  CHECK(alone.add(doubles({1}), 1));
  CHECK(alone.add(std::tuple(1, 2), std::tuple(1, 3)));
  auto const result = alone.finish();
  CHECK(result.passed);
  CHECK(result.structure.empty());
  CHECK(names_of(result.criteria) == std::vector<std::string>{"pitch"});
}

TEST_CASE("the mean of a metric over the samples must reach its number") {
  auto const result = after({.metric = recorded({1, 0.25, 0.5, 0.75}, 0.625)}, 4);
  CHECK(result.passed);
  REQUIRE(result.criteria.size() == 1);
  CHECK(result.criteria[0].score == 0.625);
  CHECK(result.criteria[0].wanted == "pitch >= 0.625");
  CHECK(result.criteria[0].got == "0.625 (worst: 0.25 on sample 1)");
  auto const failed = after({.metric = recorded({1, 0.25, 0.5, 0.75}, 0.65)}, 4);
  CHECK(failed.failure == "expected pitch >= 0.65, got 0.625 (worst: 0.25 on sample 1)");
  CHECK(failed.worst.empty());
}

TEST_CASE("a metric that is NaN on one sample fails, and that sample is the worst, wherever it is") {
  for (std::size_t sample = 0; sample < 3; ++sample) {
    INFO(sample);
    std::vector<double> scores{1, 0.5, 1};
    scores[sample] = not_a_number;
    auto const result = after({.metric = recorded(scores, 0)}, 3);
    CHECK_FALSE(result.passed);
    CHECK(result.criteria.at(0).got == "nan (worst: nan on sample " + std::to_string(sample) + ")");
  }
}

TEST_CASE("what a metric throws is an error that names it and the sample") {
  auto work = with({.metric = td::metric{"pitch",
                                         [first = true](c10::IValue const&, c10::IValue const&) mutable {
                                           if (!std::exchange(first, false)) throw std::runtime_error("no voice");
                                           return 1.0;
                                         },
                                         0}});
  CHECK(work.add(doubles({1}), doubles({1})));
  auto const thrown = test::raised_by<td::verification_error>([&] { work.add(doubles({1}), doubles({1})); });
  CHECK(thrown.code() == td::errc::metric_raised);
  CHECK_THAT(thrown.what(), StartsWith("[torchdeploy.verify.309] the metric 'pitch' raised on sample 1: no voice; "));
  CHECK(thrown.comparison().reference == "a table");
  CHECK(thrown.comparison().samples == 2);
}

TEST_CASE("what a metric throws is ours also when it is no std::exception") {
  auto work =
      with({.metric = td::metric{"pitch", [](c10::IValue const&, c10::IValue const&) -> double { throw 5; }, 0}});
  auto const add = [&] { work.add(doubles({1}), doubles({1})); };
  CHECK_THROWS_AS(add(), td::verification_error);
}

TEST_CASE("elements that are not finite are counted in a note, for each output that has them") {
  auto work = with({.rtol = 0, .atol = 0, .equal_nan = true});
  work.add(std::tuple(doubles({1, 2}), doubles({1, 2}), doubles({1})),
           std::tuple(doubles({1, 2}), doubles({1, 2}), doubles({1})));
  auto const spoiled = std::tuple(doubles({1, not_a_number}), doubles({infinity, not_a_number}), doubles({1}));
  work.add(spoiled, spoiled);
  auto const result = work.finish();
  CHECK(result.passed);
  CHECK(result.notes == std::vector<std::string>{
                            "1 element(s) are NaN or infinite, first output[0][1] of sample 1: got nan, expected nan",
                            "2 element(s) are NaN or infinite, first output[1][0] of sample 1: got inf, expected inf"});
  CHECK(after({.max_abs = 0}).notes.empty());
}

TEST_CASE("NaN at the same place is a failure until it is asked for") {
  auto const judged = [](td::verify_options options) {
    auto work = with(std::move(options));
    work.add(doubles({not_a_number, 1}), doubles({not_a_number, 1}));
    return work.finish();
  };
  CHECK_FALSE(judged({}).passed);
  CHECK_FALSE(judged({.sqnr_db = -infinity}).passed);
  CHECK_FALSE(judged({.max_abs = 1e300}).passed);
  CHECK(judged({.equal_nan = true}).passed);
  CHECK(judged({.sqnr_db = 100, .max_abs = 0, .equal_nan = true}).passed);
}

TEST_CASE("plain values are counted over all samples, and the first that differs is named") {
  auto work = with({});
  work.add(std::tuple(doubles({1}), 3, true), std::tuple(doubles({1}), 3, true));
  work.add(std::tuple(doubles({1}), 4, false), std::tuple(doubles({1}), 3, true));
  auto const result = work.finish();
  REQUIRE(names_of(result.criteria) == std::vector<std::string>{"close", "equal"});
  CHECK(result.criteria[0].passed);
  CHECK(result.criteria[1].score == 2);
  CHECK(result.criteria[1].got == "2 of 4 differ");
  CHECK(result.failure ==
        "expected equal plain values, got 2 of 4 differ; worst at output[1] of sample 1: got 4, expected 3");
  CHECK(result.worst.output == "output[1]");
}

TEST_CASE("floats beside tensors are compared with the tolerance of float64, or the one given") {
  auto const passes = [](td::verify_options options, double got) {
    auto work = with(std::move(options));
    work.add(got, 1.0);
    return work.finish().passed;
  };
  CHECK(passes({}, 1 + 1e-8));
  CHECK_FALSE(passes({}, 1 + 1e-6));
  CHECK(passes({.rtol = 0, .atol = 0.5}, 1.25));
  CHECK_FALSE(passes({.rtol = 0, .atol = 0}, 1 + 1e-8));
}

TEST_CASE("a criterion of numbers that was asked for needs a tensor, the default does not") {
  for (auto const& options : {td::verify_options{.sqnr_db = 1}, td::verify_options{.agreement = 1},
                              td::verify_options{.max_abs = 1}, td::verify_options{.cosine = 1}}) {
    auto work = with(options);
    CHECK(work.add(3, 3));
    auto const thrown = test::raised_by<td::verification_error>([&] { work.finish(); });
    CHECK(thrown.code() == td::errc::options_conflict);
    CHECK_THAT(thrown.what(), ContainsSubstring("expected a tensor among the outputs"));
    CHECK(thrown.comparison().samples == 1);
  }
  td::report history;
  history.start("prune");
  auto work = with({}, &history);
  CHECK(work.add(3, 3));
  auto const result = work.finish();
  CHECK(result.passed);
  CHECK(names_of(result.criteria) == std::vector<std::string>{"equal"});
}

TEST_CASE("agreement is judged at the outputs that choose, and refused when none does") {
  auto work = with({.agreement = 1});
  auto const result_of = [](comparing& each) { return each.finish(); };
  work.add(std::tuple(doubles({1}), doubles({3, 2})), std::tuple(doubles({7}), doubles({3, 2})));
  CHECK(result_of(work).passed);

  auto failing = with({.agreement = 1});
  failing.add(std::tuple(doubles({1, 2}), doubles({3, 2})), std::tuple(doubles({1, 2}), doubles({3, 4})));
  CHECK(result_of(failing).failure ==
        "expected agreement >= 1, got 0; first at output[1] of sample 0: got 0, expected 1");

  auto none = with({.agreement = 1});
  none.add(doubles({1}), doubles({1}));
  auto const thrown = test::raised_by<td::verification_error>([&] { none.finish(); });
  CHECK(thrown.code() == td::errc::options_conflict);
  CHECK_THAT(thrown.what(), ContainsSubstring("last dimension"));
}

TEST_CASE("an output that comes and goes from sample to sample keeps its name") {
  auto work = with({.max_abs = 1});
  auto const some = [](double value) { return std::tuple<c10::IValue, at::Tensor>(doubles({value}), doubles({1, 2})); };
  auto const none = std::tuple<c10::IValue, at::Tensor>(c10::IValue(), doubles({1, 2}));
  CHECK(work.add(none, none));
  CHECK(work.add(some(1), some(1.5)));
  CHECK(work.add(none, none));
  auto const result = work.finish();
  CHECK(result.passed);
  REQUIRE(result.outputs.size() == 2);
  CHECK(result.outputs[0].name == "output[1]");
  CHECK(result.outputs[0].numel == 6);
  CHECK(result.outputs[0].max_abs == 0);
  CHECK(result.outputs[1].name == "output[0]");
  CHECK(result.outputs[1].numel == 1);
  CHECK(result.outputs[1].max_abs == 0.5);
}

TEST_CASE("each output has the tolerance of its own dtype") {
  auto work = with({});
  auto const both = [](at::Tensor const& x) { return std::tuple(x.to(at::kFloat), x.to(at::kHalf)); };
  auto const expected = doubles({1, 2});
  work.add(std::tuple(expected.to(at::kFloat), (expected + 0.001).to(at::kHalf)), both(expected));
  CHECK(work.finish().passed);
  auto other = with({});
  other.add(std::tuple((expected + 0.001).to(at::kFloat), expected.to(at::kHalf)), both(expected));
  auto const result = other.finish();
  CHECK_FALSE(result.passed);
  CHECK(result.worst.output == "output[0]");
}

TEST_CASE("the time of a side is added up, and what it gives passes through") {
  auto const work = with({});
  double seconds = 1;
  CHECK(work.timed(td::errc::model_raised, "the model", seconds, [] { return 7; }) == 7);
  CHECK(seconds > 1);
  CHECK(seconds < 2);
}

TEST_CASE("what a side throws is nested in an error that names the side and the sample") {
  auto work = with({});
  work.add(doubles({1}), doubles({1}));
  double seconds = 0;
  auto const raising = [&](auto what) {
    return test::raised_by<td::verification_error>(
        [&] { work.timed(td::errc::reference_raised, "the reference", seconds, [&]() -> int { throw what; }); });
  };
  auto const thrown = raising(std::runtime_error("too\nloud"));
  CHECK(thrown.code() == td::errc::reference_raised);
  CHECK_THAT(thrown.what(), StartsWith("[torchdeploy.verify.305] the reference raised on sample 1: too; "));
  CHECK(thrown.comparison().samples == 1);
  try {
    work.timed(td::errc::model_raised, "the model", seconds, []() -> int { throw std::runtime_error("too\nloud"); });
    FAIL("expected an error");
  } catch (td::verification_error const& whole) {
    CHECK_THROWS_WITH(std::rethrow_if_nested(whole), "too\nloud");
  }
  CHECK_THAT(raising(5).what(), ContainsSubstring("no std::exception"));
  CHECK(raising(td::verification_error(td::errc::golden_unreadable, "cut short")).code() ==
        td::errc::golden_unreadable);
  CHECK(seconds == 0);
}

TEST_CASE("a refusal carries the comparison as far as it came") {
  auto work = with({.sqnr_db = 20});
  work.add(doubles({1}), doubles({1}));
  work.result().notes.push_back("noticed");
  auto const thrown = test::raised_by<td::verification_error>(
      [&] { work.refuse(td::errc::degenerate_reference, "it is zero", "give others"); });
  CHECK(thrown.code() == td::errc::degenerate_reference);
  CHECK(thrown.hint() == "give others");
  CHECK(thrown.comparison().samples == 1);
  CHECK(thrown.comparison().notes == std::vector<std::string>{"noticed"});
  CHECK_FALSE(thrown.comparison().passed);
}
