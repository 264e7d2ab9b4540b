#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/to_mobile.hpp>
#include <torchdeploy/stage/verify.hpp>
#include <torchdeploy/verification/batch.hpp>

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {

auto scripted(std::string const& body) {
  return td::evaluate(test::scripted("def forward(self, x):\n    return " + body));
}
auto doubled() { return scripted("x * 2"); }

bool has_note(td::comparison const& result, std::string const& text) {
  for (auto const& each : result.notes)
    if (each.find(text) != each.npos) return true;
  return false;
}

}  // namespace

TEST_CASE("a batch that would take all memory is refused before anything runs") {
  auto const images = std::vector{at::ones({4, 3, 64, 64}), at::zeros({4, 3, 64, 64})};
  auto const model = td::evaluate(test::scripted("def forward(self, x): return x * 2"), {.examples = images});
  auto const refused = [&](std::int64_t batch) {
    return test::failure_of<td::verification_error>([&] { (void)td::compare(model, model, {.batch = batch}); });
  };
  for (auto const batch : {std::int64_t{1} << 20, std::numeric_limits<std::int64_t>::max()})
    CHECK(refused(batch).code == td::errc::options_conflict);
  CHECK_THAT(refused(std::int64_t{1} << 20).text, ContainsSubstring("expected a batch whose inputs take at most 1 GiB, "
                                                                    "got 1048576 rows of 48 GiB"));
  CHECK(td::compare(model, model, {.batch = 100}).passed);
}

TEST_CASE("the other batch size is 1 for samples of several rows, 2 for samples of one, or what is asked for") {
  auto const model = doubled();
  auto const sizes = [&](std::int64_t rows, td::verify_options options) {
    options.samples = test::noise({rows, 3}, 2);
    auto const result = td::compare(model, model, options);
    REQUIRE(result.batch);
    CHECK(result.passed);
    CHECK(result.batch->passed);
    CHECK(result.batch->of_samples == rows);
    CHECK(result.batch->criteria.size() == 1);
    CHECK(result.batch->outputs.at(0).numel == result.batch->size * 3);
    CHECK(result.outputs.at(0).numel == 2 * rows * 3);  // what was asked for is scored by itself
    return result.batch->size;
  };
  CHECK(sizes(4, {}) == 1);
  CHECK(sizes(1, {}) == 2);
  CHECK(sizes(2, {.batch = 7}) == 7);
  CHECK_FALSE(td::compare(model, model, {.samples = test::noise({4, 3}, 2), .batch = 0}).batch);
  CHECK(has_note(td::compare(model, model, {.samples = test::noise({4, 3}, 2), .batch = 4}), "batch of 4"));
  auto const refused = test::failure_of<td::verification_error>([&] {
    (void)td::compare(model, model, {.samples = test::noise({4, 3}, 2), .batch = -1});
  });
  CHECK(refused.code == td::errc::options_conflict);
}

TEST_CASE("a batch that is baked in is found where the reference follows") {
  auto const samples = test::noise({4, 6}, 3);
  auto const reference = doubled();

  auto const raises = td::compare(scripted("x.view([4, 6]) * 2"), reference, {.samples = samples});
  CHECK_FALSE(raises.passed);
  CHECK_THAT(raises.failure, StartsWith("expected the model to run at batch 1 as at 4, as its reference does, but it"));
  CHECK(raises.outputs.at(0).mismatched == 0);

  auto const shape = td::compare(scripted("(x * 2).expand([4, 6])"), reference, {.samples = samples});
  CHECK_THAT(shape.failure, ContainsSubstring("at batch 1 as at 4"));
  CHECK_THAT(shape.failure, ContainsSubstring("expected float32 [1, 6], got float32 [4, 6]"));

  auto const values = td::compare(scripted("x * (1 + x.size(0) // 4)"), reference, {.samples = samples});
  CHECK_THAT(values.failure, StartsWith("expected what holds at batch 1 as at 4; expected close"));

  auto const thrown = test::failure_of<td::verification_error>(
      [&] { (void)(scripted("x.view([4, 6]) * 2") | td::verify(reference, {.samples = samples})); });
  CHECK(thrown.code == td::errc::batch_differs);
  CHECK_THAT(thrown.text, ContainsSubstring("at batch 1 as at 4"));
  (void)(scripted("x.view([4, 6]) * 2") | td::verify(reference, {.samples = samples, .batch = 0}));
}

TEST_CASE("where the reference can't follow, a note says so and nothing fails") {
  auto const samples = test::noise({4, 6}, 3);
  auto const result = td::compare(doubled(), scripted("x.view([4, 6]) * 2"), {.samples = samples});
  CHECK(result.passed);
  CHECK_FALSE(result.batch);
  CHECK(has_note(result, "the reference can't run with a batch of 1"));
  auto const callable = [](at::Tensor const& x) {
    if (x.size(0) != 4) throw 4;
    return x * 2;
  };
  CHECK(has_note(td::compare(doubled(), callable, {.samples = samples}), "the reference can't run with a batch of 1"));
}

TEST_CASE("models that mix their rows, or have the batch elsewhere, are judged by their reference") {
  auto const mixing = scripted("x - x.mean(0)");
  CHECK(td::compare(mixing, mixing, {.samples = test::noise({4, 6}, 3)}).batch->passed);
  auto const lstm = test::load("lstm_scripted");
  CHECK(td::compare(lstm, lstm, {.samples = test::noise({2, 5, 8}, 3)}).batch->passed);
}

TEST_CASE("what can't be tried at another size is skipped, with the reason") {
  auto const why = [](std::string const& forward, td::example const& one, td::example const& two) {
    auto const model = td::evaluate(test::scripted("def forward(" + forward));
    auto const result = td::compare(model, model, {.samples = std::vector{one, two}, .allow_degenerate = true});
    CHECK(result.passed);
    CHECK_FALSE(result.batch);
    return result.notes.empty() ? std::string() : result.notes.back();
  };
  CHECK_THAT(why("self, x):\n    return x * 2", {at::scalar_tensor(1.5)}, {at::scalar_tensor(2.5)}),
             EndsWith("argument 0 is a scalar"));
  CHECK_THAT(
      why("self, x, y):\n    return x * 2, y", {at::ones({2, 3}), at::ones({4})}, {at::rand({2, 3}), at::ones({4})}),
      EndsWith("the arguments have no common dimension 0, but 2 and 4"));
  CHECK_THAT(why("self, x: int):\n    return torch.ones([2]) * x", {2}, {3}), EndsWith("no argument is a tensor"));
  CHECK_THAT(
      why("self, x: List[Tensor]):\n    return x[0] * 2", {std::vector{at::ones({2})}}, {std::vector{at::rand({2})}}),
      EndsWith("argument 0 is a list of 1"));

  test::temporary_folder const folder;
  auto const model = doubled();
  td::record_golden(model, folder / "golden.pt", {.samples = test::noise({2, 3}, 2)});
  CHECK(has_note(td::compare(model, td::golden(folder / "golden.pt")), "a golden file can't be asked"));
}

TEST_CASE("a model that keeps a state is compared at the samples' size only") {
  torch::jit::Module counting("__torch__.counting");
  counting.register_attribute("calls", c10::IntType::get(), std::int64_t{0});
  counting.define("def forward(self, x):\n    self.calls = self.calls + 1\n    return x + self.calls\n");
  auto const model = td::evaluate(counting);
  auto const result = td::compare(model, model, {.samples = test::noise({2, 3}, 3)});
  CHECK(result.passed);
  CHECK(has_note(result, "it keeps a state, or is random"));
  CHECK(model.handle().attr("calls").toInt() == 0);
}

TEST_CASE("arguments that are no tensors stay as they are, and rows of other samples fill up") {
  auto const model = td::evaluate(test::scripted("def forward(self, x, n: int):\n    return x * n"));
  auto const samples = std::vector{td::example{at::full({1, 2}, 1.0F), 3}, td::example{at::full({1, 2}, 5.0F), 4},
                                   td::example{at::full({1, 2}, 7.0F), 3}};
  auto const made = td::detail::make_other_batch(samples, 1, 3);
  CHECK(made.inputs.at(1).toInt() == 3);
  CHECK(at::equal(made.inputs.at(0).toTensor().select(1, 0), at::tensor({1.0F, 7.0F, 1.0F})));
  REQUIRE(made.control.size() == 3);
  CHECK(at::equal(made.control[1].at(0).toTensor(), at::full({1, 2}, 7.0F)));
  CHECK(td::compare(model, model, {.samples = samples}).batch->size == 2);
}

TEST_CASE("a few rows that score less than all samples do at either size do not fail for it") {
  // rows of ones are off, all others are right: the first row alone never agrees
  auto const reference = scripted("torch.cat([x, x * 0.5], 1)");
  auto const model = scripted("torch.cat([x.where(x != 1, x * 0), x * 0.5], 1)");
  auto const samples = std::vector{at::cat({at::ones({1, 1}), at::rand({99, 1}) + 2}), at::rand({100, 1}) + 2};
  auto const result = td::compare(model, reference, {.samples = samples, .agreement = 0.9});
  CHECK(result.passed);
  REQUIRE(result.batch);
  CHECK(result.batch->passed);
  CHECK(result.batch->outputs.at(0).agreement == 0);
  CHECK(has_note(result, "the same rows at batch 100 do not reach it either"));
}

TEST_CASE("a user's metric and a user's function are not asked more than they must") {
  int scored = 0, asked = 0;
  auto const metric = td::metric{"own", [&](auto const&, auto const&) { return ++scored, 1.0; }, 0.5};
  auto const reference = [&asked](at::Tensor const& x) { return ++asked, x * 2; };
  auto const result = td::compare(doubled(), reference, {.samples = test::noise({4, 3}, 3), .metric = metric});
  CHECK(result.passed);
  CHECK(scored == 3);
  CHECK(asked == 4);  // once more, for the other batch
  CHECK(result.batch->passed);
  CHECK(result.reference_latency->calls == 3);
}

TEST_CASE("int8 is held to its criterion at both sizes, and the report shows both") {
  auto const reference = test::load("mlp_scripted");
  auto const samples = test::noise({4, 16}, 4);
  auto const model = test::load("mlp_scripted") | td::quantize<td::Int8>(samples) | td::verify(reference);
  auto const& entry = *model.report().find("verify");
  CHECK_THAT(std::string(entry.detail("batch")), StartsWith("1 as well as 4, sqnr >= 20 dB: "));
  CHECK_THAT(std::string(entry.detail("latency")), ContainsSubstring(" ms against "));
  CHECK_THAT(std::string(entry.detail("agreement")), ContainsSubstring("(95 % "));
  CHECK_THAT(std::string(entry.detail("agreement")), ContainsSubstring(", 16 rows)"));
}

TEST_CASE(
    "an LSTM whose first states a trace baked raises at the other batch, where oneDNN would write past their end") {
  auto const right = td::load<td::TorchScript>(TORCHDEPLOY_MODELS "/pitfalls/states_right.pt");
  auto const wrong = td::load<td::TorchScript>(TORCHDEPLOY_MODELS "/pitfalls/states_wrong.pt");
  CHECK(test::has_finding(wrong.report(), "baked-batch"));
  CHECK_FALSE(test::has_finding(right.report(), "baked-batch"));
  auto const samples = test::noise({2, 5, 8});
  auto const result = td::compare(wrong, right, {.samples = samples, .allow_degenerate = true, .batch = 4});
  CHECK_FALSE(result.passed);
  REQUIRE(result.batch);
  CHECK_THAT(result.failure, ContainsSubstring("at batch 4 as at 2") && ContainsSubstring("raised"));
  CHECK(at::globalContext().userEnabledMkldnn());

  auto const mobile = wrong.clone() | td::to_mobile();
  auto const as_mobile = td::compare(mobile, right, {.samples = samples, .allow_degenerate = true, .batch = 4});
  CHECK_THAT(as_mobile.failure, ContainsSubstring("raised"));

  auto const without = td::evaluate(test::scripted("def forward(self, x):\n    return x[:, -1]"));
  td::verify_options const options{.samples = samples, .max_abs = 100, .allow_degenerate = true, .batch = 4};
  CHECK(has_note(td::compare(without, wrong, options), "the reference can't run with a batch of 4"));
  auto const session = wrong.clone() | td::deploy<td::LibTorch>();
  CHECK(has_note(td::compare(without, session, options), "the reference can't run with a batch of 4"));
}
