#include <torchdeploy/verification/criteria.hpp>

#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/catch.hpp"

namespace td = torchdeploy;

namespace {

using td::detail::plan_criteria;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// A report in which stages can be entered by hand.
struct history : td::report {
  history& did(std::string const& stage, std::vector<std::string> const& precisions = {}) {
    start(stage);
    for (auto const& each : precisions) current().layers.push_back({.name = "layer", .precision = each});
    return *this;
  }
  history& detail(std::string const& name, std::string const& value) {
    current().details.emplace_back(name, value);
    return *this;
  }
};

/// What holds by default, and why: "close, as nothing lossy happened to the model".
std::string by_default(td::report const* report, td::verify_options const& options = {}) {
  auto const plan = plan_criteria(options, report);
  CHECK_FALSE(plan.asked_for);
  CHECK(plan.close != plan.options.sqnr_db.has_value());
  CHECK_FALSE((plan.options.agreement || plan.options.max_abs || plan.options.cosine || plan.options.rtol));
  CHECK_THAT(plan.why, StartsWith("default, "));
  auto const criterion = plan.close ? std::string("close") : td::detail::number_text(plan.options.sqnr_db.value_or(0));
  return criterion + plan.why.substr(7);
}
std::string by_default(td::report const& report) { return by_default(&report); }

td::metric metric_of(double at_least) {
  return {"pitch", [](c10::IValue const&, c10::IValue const&) { return 1.0; }, at_least};
}

std::string conflict(td::verify_options const& options) {
  try {
    td::detail::check(options);
  } catch (td::verification_error const& thrown) {
    CHECK(thrown.code() == td::errc::options_conflict);
    constexpr std::string_view id = "[torchdeploy.verify.307] ";
    std::string const text = thrown.what();
    REQUIRE_THAT(text, StartsWith(std::string(id)));
    return text.substr(id.size(), text.find("; ") - id.size());  // without the hint
  }
  return "no conflict";
}

td::output_score scored(std::string name, double sqnr_db) {
  td::output_score score{};
  score.worst = {name, 4, {1, 2}, 0.5, 1.5};
  score.name = std::move(name);
  score.sqnr_db = sqnr_db;
  return score;
}

}  // namespace

TEST_CASE("by default a model to which nothing lossy happened must be close") {
  auto const nothing = "close, as nothing lossy happened to the model";
  CHECK(by_default(nullptr) == nothing);
  CHECK(by_default(history()) == nothing);
  CHECK(by_default(history().did("load").did("freeze").did("optimize").did("save")) == nothing);
  CHECK(by_default(history().did("load").did("quantize", {"float32", "float32"})) == nothing);
  CHECK(by_default(history().did("load").detail("quantized", "after")) == nothing);
}

TEST_CASE("by default a model with int8 layers must reach 20 dB, and they are counted") {
  CHECK(by_default(history().did("quantize", {"int8"})) == "20, as 1 layer is int8");
  CHECK(by_default(history().did("load").did("quantize", {"int8", "float32", "int8"}).did("freeze")) ==
        "20, as 2 layers are int8");
  CHECK(by_default(history().did("acme::plan", {"int8"})) == "close, as nothing lossy happened to the model");
}

TEST_CASE("by default a model that was quantized before it was loaded must reach 20 dB") {
  CHECK(by_default(history().did("load").detail("quantized", "before")) == "20, as the file was quantized before");
  CHECK(by_default(history().did("evaluate").detail("quantized", "before").did("freeze")) ==
        "20, as the file was quantized before");
}

TEST_CASE("by default a pruned model must reach 10 dB, quantized or not") {
  CHECK(by_default(history().did("prune")) == "10, as weights were pruned");
  CHECK(by_default(history().did("prune").did("quantize", {"int8", "int8", "int8"})) ==
        "10, as 3 layers are int8 and weights were pruned");
  CHECK(by_default(history().did("quantize", {"int8"}).did("prune")) ==
        "10, as 1 layer is int8 and weights were pruned");
  CHECK(by_default(history().did("load").detail("quantized", "before").did("prune")) ==
        "10, as the file was quantized before and weights were pruned");
  CHECK(by_default(history().did("prune").did("quantize", {"float32"})) == "10, as weights were pruned");
}

TEST_CASE("a criterion that is asked for takes the place of the default") {
  auto const lossy = history().did("prune").did("quantize", {"int8"});
  for (auto const& options : {td::verify_options{.rtol = 0, .atol = 1}, td::verify_options{.sqnr_db = 45},
                              td::verify_options{.agreement = 1}, td::verify_options{.max_abs = 1},
                              td::verify_options{.cosine = 1}, td::verify_options{.metric = metric_of(1)}}) {
    auto const plan = plan_criteria(options, &lossy);
    CHECK(plan.asked_for);
    CHECK(plan.why == "asked for");
    CHECK(plan.close == options.rtol.has_value());
    CHECK(plan.options.sqnr_db == options.sqnr_db);
  }
}

TEST_CASE("what is no criterion leaves the default as it is") {
  CHECK(by_default(nullptr, {.equal_nan = true, .allow_degenerate = true}) ==
        "close, as nothing lossy happened to the model");
  auto const quantized = history().did("quantize", {"int8"});
  auto const plan = plan_criteria({.equal_nan = true}, &quantized);
  CHECK(plan.options.equal_nan);
  CHECK(plan.options.sqnr_db == 20);
}

TEST_CASE("a metric is alone when no other criterion is asked for") {
  auto const metric = metric_of(1);
  CHECK(plan_criteria({.metric = metric}, nullptr).metric_alone());
  CHECK(plan_criteria({.equal_nan = true, .metric = metric}, nullptr).metric_alone());
  CHECK_FALSE(plan_criteria({.rtol = 1, .atol = 1, .metric = metric}, nullptr).metric_alone());
  CHECK_FALSE(plan_criteria({.sqnr_db = 1, .metric = metric}, nullptr).metric_alone());
  CHECK_FALSE(plan_criteria({.agreement = 1, .metric = metric}, nullptr).metric_alone());
  CHECK_FALSE(plan_criteria({.max_abs = 1, .metric = metric}, nullptr).metric_alone());
  CHECK_FALSE(plan_criteria({.cosine = 1, .metric = metric}, nullptr).metric_alone());
  CHECK_FALSE(plan_criteria({}, nullptr).metric_alone());
}

TEST_CASE("a tolerance that is given is for every dtype, and without one each dtype has its own") {
  auto const own = plan_criteria({}, nullptr);
  for (auto const dtype : {at::kHalf, at::kBFloat16, at::kFloat, at::kDouble, at::kLong, at::kBool, at::kQUInt8}) {
    INFO(dtype);
    CHECK(own.within(dtype).rtol == td::default_tolerance(dtype).rtol);
    CHECK(own.within(dtype).atol == td::default_tolerance(dtype).atol);
    CHECK_FALSE(own.within(dtype).equal_nan);
    auto const given = plan_criteria({.rtol = 0.25, .atol = 0.5, .equal_nan = true}, nullptr).within(dtype);
    CHECK(given.rtol == 0.25);
    CHECK(given.atol == 0.5);
    CHECK(given.equal_nan);
  }
  CHECK(own.within(at::kHalf).rtol > own.within(at::kFloat).rtol);
  CHECK(own.within(at::kLong).rtol == 0);
  CHECK(own.within(at::kLong).atol == 0);
  CHECK(plan_criteria({.equal_nan = true}, nullptr).within(at::kFloat).equal_nan);
}

TEST_CASE("half a tolerance is a conflict") {
  CHECK(conflict({.rtol = 0.1}) == "expected rtol and atol together, got only rtol");
  CHECK(conflict({.atol = 0.1, .sqnr_db = 20}) == "expected rtol and atol together, got only atol");
}

TEST_CASE("a threshold that can't be meant is a conflict, by name") {
  CHECK(conflict({.agreement = 1.5}) == "expected agreement in 0 .. 1, got 1.5");
  CHECK(conflict({.agreement = -0.5}) == "expected agreement in 0 .. 1, got -0.5");
  CHECK(conflict({.cosine = 2}) == "expected cosine in -1 .. 1, got 2");
  CHECK_THAT(conflict({.max_abs = -1}), StartsWith("expected max_abs in 0 .. ") && EndsWith(", got -1"));
  CHECK_THAT(conflict({.max_abs = infinity}), StartsWith("expected max_abs in "));
  CHECK_THAT(conflict({.rtol = -1, .atol = 0}), StartsWith("expected rtol in "));
  CHECK_THAT(conflict({.rtol = 0, .atol = infinity}), StartsWith("expected atol in "));
  CHECK(conflict({.sqnr_db = not_a_number}) == "expected sqnr_db in -inf .. inf, got nan");
  CHECK_THAT(conflict({.agreement = not_a_number}), EndsWith("got nan"));
  CHECK_THAT(conflict({.max_abs = not_a_number}), EndsWith("got nan"));
  CHECK_THAT(conflict({.cosine = not_a_number}), EndsWith("got nan"));
  CHECK_THAT(conflict({.rtol = not_a_number, .atol = 0}), EndsWith("got nan"));
}

TEST_CASE("a metric without a function, or without a number to reach, is a conflict") {
  auto const text = "expected a metric with a score function and a number to reach, got 'pitch' without";
  CHECK(conflict({.metric = td::metric{"pitch", {}, 1}}) == text);
  CHECK(conflict({.metric = metric_of(not_a_number)}) == text);
}

TEST_CASE("thresholds at the ends of their ranges are no conflict") {
  CHECK(conflict({}) == "no conflict");
  CHECK(conflict({.rtol = 0, .atol = 0, .sqnr_db = -infinity, .agreement = 0, .max_abs = 0, .cosine = -1}) ==
        "no conflict");
  CHECK(conflict({.sqnr_db = infinity, .agreement = 1, .cosine = 1, .metric = metric_of(-infinity)}) == "no conflict");
}

TEST_CASE("options that conflict make no plan") {
  CHECK_THROWS_AS(plan_criteria({.agreement = 2}, nullptr), td::verification_error);
}

TEST_CASE("the worst output is the one with the highest badness, and NaN is worse than anything") {
  auto const badness = [](td::output_score const& s) { return s.sqnr_db; };
  auto const worst = [&](std::vector<td::output_score> const& all) {
    return td::detail::worst_output(all, badness).name;
  };
  CHECK(worst({scored("a", 1), scored("b", 3), scored("c", 2)}) == "b");
  CHECK(worst({scored("a", 1), scored("b", not_a_number), scored("c", 1e300)}) == "b");
  CHECK(worst({scored("a", 2), scored("b", 2)}) == "a");
}

TEST_CASE("closeness is judged at the output with the most elements off") {
  auto first = scored("output[0]", 0), second = scored("output[1]", 0);
  first.numel = second.numel = 10;
  second.within = {0.25, 0.5};
  auto const passed = td::detail::judge_close({first, second});
  CHECK(passed.passed);
  CHECK(passed.name == "close");
  CHECK(passed.score == 0);
  CHECK(passed.got == "0 of 10 elements off");
  first.mismatched = 1;
  second.mismatched = 3;
  auto const failed = td::detail::judge_close({first, second});
  CHECK_FALSE(failed.passed);
  CHECK(failed.wanted == "close (rtol 0.25, atol 0.5)");
  CHECK(failed.got == "3 of 10 elements off");
  CHECK(failed.score == 3);
  CHECK(failed.output == "output[1]");
  CHECK(failed.worst.output == "output[1]");
}

TEST_CASE(
    "a number is judged at the output that fares worst: the least of what must be reached, the most of what must not") {
  std::vector const outputs{scored("output[0]", 24), scored("output[1]", 18), scored("output[2]", 30)};
  auto const judged = [&](char const* relation, double threshold) {
    return td::detail::judge_number("sqnr", &td::output_score::sqnr_db, relation, threshold, " dB", outputs);
  };
  auto const reached = judged(">=", 18);
  CHECK(reached.passed);
  CHECK(reached.name == "sqnr");
  CHECK(reached.wanted == "sqnr >= 18 dB");
  CHECK(reached.got == "18 dB");
  CHECK(reached.score == 18);
  CHECK(reached.output == "output[1]");
  CHECK_FALSE(judged(">=", 18.5).passed);
  CHECK(judged("<=", 30).passed);
  CHECK(judged("<=", 30).output == "output[2]");
  CHECK_FALSE(judged("<=", 29).passed);
}

TEST_CASE("a number that is NaN reaches nothing, and points at what is not finite") {
  auto spoiled = scored("output[1]", not_a_number);
  spoiled.not_finite = 1;
  spoiled.first_not_finite = {"output[1]", 7, {0}, not_a_number, 1.0};
  for (auto const* relation : {">=", "<="}) {
    auto const judged =
        td::detail::judge_number("sqnr", &td::output_score::sqnr_db, relation,
                                 relation[0] == '>' ? -infinity : infinity, " dB", {scored("output[0]", 1), spoiled});
    CHECK_FALSE(judged.passed);
    CHECK(judged.worst.sample == 7);
    CHECK(td::detail::failure_text(judged) == "expected sqnr " + std::string(relation) +
                                                  (relation[0] == '>' ? " -inf" : " inf") +
                                                  " dB, got nan dB; not finite at output[1][0] of sample 7: got nan, "
                                                  "expected 1");
  }
}

TEST_CASE("a failure says what was expected, what was got, and where") {
  td::criterion failed{"max_abs", "max_abs <= 0.1", 1, "1", "output", false, {"output", 4, {1, 2}, 0.5, 1.5}};
  CHECK(td::detail::failure_text(failed) ==
        "expected max_abs <= 0.1, got 1; worst at output[1, 2] of sample 4: got 0.5, expected 1.5");
  failed.name = "agreement";
  CHECK_THAT(td::detail::failure_text(failed), ContainsSubstring("; first at output[1, 2] of sample 4"));
  failed.worst = {};
  CHECK(td::detail::failure_text(failed) == "expected max_abs <= 0.1, got 1");
}

TEST_CASE("the precision a model was deployed in, and another runtime, change what is expected") {
  auto const expected = [](td::report const& report, td::detail::runtimes_compared const& run) {
    auto const plan = plan_criteria({}, &report, run);
    return (plan.close ? std::string("close") : td::detail::number_text(*plan.options.sqnr_db)) + plan.why.substr(7);
  };
  history const none, bf16 = history().did("deploy").detail("precision", "bf16"),
                      f16 = history().did("deploy").detail("runs", "Convolution f16: 2"),
                      f32 = history().did("deploy").detail("precision", "f32").detail("runs", "MatMul f32: 2"),
                      int8 = history().did("quantize", {"int8"}).did("deploy").detail("precision", "bf16"),
                      other = history().did("load").detail("precision", "bf16");
  CHECK(expected(bf16, {}) == "30, as the model runs in bf16");
  CHECK(expected(f16, {}) == "30, as the model runs in f16");
  CHECK(expected(none, {.reference = &bf16}) == "30, as the reference runs in bf16");
  CHECK_THAT(expected(int8, {.differ = true}), StartsWith("20, as 1 layer is int8"));
  CHECK(expected(f32, {.differ = true}) == "80, as two runtimes sum in different orders");
  for (auto const& each : {none, f32, other}) CHECK_THAT(expected(each, {}), StartsWith("close"));
}
