#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/stage/optimize.hpp>
#include <torchdeploy/stage/prune.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/verify.hpp>

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {

using test::load;

std::string value(td::report const& report, char const* detail) {
  return std::string(report.find("verify")->detail(detail));
}

}  // namespace

TEST_CASE("verify adds a fact, drops none, and leaves the model as it is") {
  auto const inputs = test::noise({2, 16}, 2);
  auto const reference = load("mlp_scripted");
  auto model = load("mlp_scripted") | td::freeze();
  auto const before = model.handle();
  auto const verified = std::move(model) | td::verify(reference, {.samples = inputs});
  static_assert(td::same_facts<std::remove_cvref_t<decltype(verified)>::known,
                               td::facts<td::evaluating, td::frozen, td::verified>>);
  CHECK(verified.handle()._ivalue() == before._ivalue());
}

TEST_CASE("the report tells what was compared, how it went and why by that criterion") {
  auto const inputs = test::noise({2, 16}, 4);
  auto const reference = load("mlp_scripted");
  auto const close = load("mlp_scripted") | td::verify(reference, {.samples = inputs});
  CHECK(value(close.report(), "criterion") == "close (rtol 1.3e-06, atol 1e-05)");
  CHECK(value(close.report(), "score") == "0 of 32 elements off");
  CHECK(value(close.report(), "samples") == "4");
  CHECK(value(close.report(), "reference") == "another artifact");
  CHECK(value(close.report(), "why") == "default, as nothing lossy happened to the model");
  CHECK_THAT(value(close.report(), "reference range"), StartsWith("output: -0."));

  auto const quantized = load("mlp_scripted") | td::quantize<td::Int8>(inputs) | td::verify(reference);
  CHECK(value(quantized.report(), "criterion") == "sqnr >= 20 dB");
  CHECK(value(quantized.report(), "why") == "default, as 3 layers are int8");
  CHECK_THAT(value(quantized.report(), "score"), EndsWith(" dB"));
  CHECK_THAT(value(quantized.report(), "worst"), StartsWith("output["));

  auto const pruned = load("mlp_scripted") | td::prune<td::L1>(0.05) | td::verify(reference, {.samples = inputs});
  CHECK(value(pruned.report(), "criterion") == "sqnr >= 10 dB");
  CHECK(value(pruned.report(), "why") == "default, as weights were pruned");

  auto const both =
      load("mlp_scripted") | td::quantize<td::Int8>(inputs) | td::prune<td::L1>(0.05) | td::verify(reference);
  CHECK(value(both.report(), "criterion") == "sqnr >= 10 dB");
  CHECK(value(both.report(), "why") == "default, as 3 layers are int8 and weights were pruned");
}

TEST_CASE("a quantization that left every layer float is still held to rounding") {
  auto const inputs = test::noise({2, 16}, 2);
  auto const reference = load("addmm_traced");
  td::quiet = true;
  auto const model = load("addmm_traced") | td::quantize<td::Int8>(inputs) | td::verify(reference);
  td::quiet = false;
  CHECK_THAT(value(model.report(), "criterion"), StartsWith("close"));
}

TEST_CASE("a model out of tolerance is stopped by an error that carries the comparison") {
  auto const reference = load("mlp_scripted");
  auto other = load("mlp_scripted");
  {
    at::NoGradGuard const no_grad;
    for (auto const& each : other.handle().named_parameters())
      if (each.name == "4.bias") each.value[2] += 1;
  }
  try {
    (void)(std::move(other) | td::verify(reference, {.samples = test::noise({2, 16}, 2), .sqnr_db = 30}));
    FAIL("expected an error");
  } catch (td::verification_error const& thrown) {
    CHECK(thrown.code() == td::errc::out_of_tolerance);
    CHECK(thrown.stage() == "verify");
    CHECK(std::string(thrown.what()).size() <= 200);
    CHECK_THAT(thrown.what(), StartsWith("[torchdeploy.verify.302] expected sqnr >= 30 dB, got "));
    CHECK_THAT(thrown.what(), ContainsSubstring(", 2] of sample "));
    CHECK(thrown.comparison().samples == 2);
    CHECK(thrown.comparison().worst.index.at(1) == 2);
    CHECK_FALSE(thrown.comparison().passed);
  }
}

TEST_CASE("a model of another structure is stopped with its own code") {
  try {
    (void)(load("two_outputs") | td::verify(load("mlp_scripted"), {.samples = test::noise({2, 16}, 2)}));
    FAIL("expected an error");
  } catch (td::verification_error const& thrown) {
    CHECK(thrown.code() == td::errc::structure_differs);
    CHECK_THAT(thrown.what(),
               StartsWith("[torchdeploy.verify.304] output: expected float32 [2, 4], got a tuple of 2; "));
  }
}

TEST_CASE("a recipe verifies against a reference that it borrows or owns, as often as it runs") {
  auto const inputs = test::noise({2, 16}, 2);
  auto const path = std::string(TORCHDEPLOY_MODELS "/mlp_scripted.pt");
  auto const reference = load("mlp_scripted");
  auto const borrowing = td::load<td::TorchScript>() | td::verify(reference, {.samples = inputs}) |
                         td::verify(reference, {.samples = inputs, .cosine = 0.99});
  auto const owning =
      td::load<td::TorchScript>() | td::freeze() | td::verify(load("mlp_scripted"), {.samples = inputs});
  static_assert(std::is_copy_constructible_v<std::remove_const_t<decltype(borrowing)>>);
  static_assert(!std::is_copy_constructible_v<std::remove_const_t<decltype(owning)>>);
  static_assert(std::is_move_constructible_v<std::remove_const_t<decltype(owning)>>);
  for (int i = 0; i < 2; ++i) {
    CHECK(borrowing(path).report().find("verify")->detail("why") == "asked for");
    CHECK(owning(path).report().find("verify") != nullptr);
  }
  CHECK_THROWS_AS(owning(TORCHDEPLOY_MODELS "/gelu_mlp_traced.pt"), td::verification_error);
}

TEST_CASE("an optimized model is verified as it is") {
  auto const inputs = test::noise({2, 2, 16}, 2);
  auto const model = load("conv1d_bn") | td::optimize() |
                     td::verify(load("conv1d_bn"), {.samples = inputs, .rtol = 1e-4, .atol = 1e-4});
  CHECK(value(model.report(), "samples") == "2");
}

TEST_CASE("a quantized model that was frozen is verified in the form it has") {
  auto const inputs = test::noise({2, 16}, 4);
  auto const model =
      load("mlp_scripted") | td::quantize<td::Int8>(inputs) | td::freeze() | td::verify(load("mlp_scripted"));
  CHECK(value(model.report(), "criterion") == "sqnr >= 20 dB");
}

TEST_CASE("by layer on request: the report has a line for each, the comparison all scores") {
  auto const inputs = test::noise({2, 16}, 4);
  auto const reference = load("mlp_scripted");
  auto const model = load("mlp_scripted") | td::quantize<td::Int8>(inputs) | td::verify(reference, {.per_layer = true});
  auto const& layers = model.report().find("verify")->layers;
  REQUIRE(layers.size() == 3);
  CHECK(layers[1].name == "2");
  CHECK(layers[1].kind == "linear");
  CHECK(layers[1].precision == "int8");
  CHECK(layers[1].bytes == model.report().find("quantize")->layers[1].bytes);
  CHECK(layers[1].milliseconds > 0);
  CHECK(layers[1].sqnr_db > 20);
  CHECK((load("mlp_scripted") | td::verify(reference, {.samples = inputs})).report().find("verify")->layers.empty());

  auto const result = td::compare(model, reference.handle(), {.per_layer = true});
  REQUIRE(result.layers.size() == 4);
  CHECK(result.layers[3].kind == "output");
  CHECK_THAT(td::to_text(result), ContainsSubstring("\n      layer   kind    precision  sqnr dB"));
}

TEST_CASE("a verification that fails by its outputs still tells by layer where it began") {
  auto const reference = load("mlp_scripted");
  auto other = load("mlp_scripted");
  for (auto const& each : other.handle().named_parameters())
    if (each.name == "2.bias") {
      at::NoGradGuard const no_grad;
      each.value[2] += 10;
    }
  try {
    (void)(std::move(other) | td::verify(reference, {.samples = test::noise({2, 16}, 2), .per_layer = true}));
    FAIL("expected an error");
  } catch (td::verification_error const& thrown) {
    CHECK(thrown.code() == td::errc::out_of_tolerance);
    auto const& layers = thrown.comparison().layers;
    REQUIRE(layers.size() == 4);
    CHECK_FALSE(layers[0].diverges);
    CHECK(layers[1].diverges);
    CHECK_THAT(td::to_text(thrown.comparison()), ContainsSubstring("\n  ->  2 "));
  }
}

TEST_CASE("by layer needs a reference with layers") {
  auto const inputs = test::noise({2, 16}, 2);
  auto const model = load("mlp_scripted");
  auto const callable = test::failure_of<td::verification_error>(
      [&] { (void)td::compare(model, [](at::Tensor const& x) { return x; }, {.samples = inputs, .per_layer = true}); });
  CHECK(callable.code == td::errc::options_conflict);
  CHECK_THAT(callable.text, ContainsSubstring("expected models with layers to compare by, got a callable"));
  auto const none = test::failure_of<td::verification_error>(
      [&] { (void)td::compare(load("one_op"), load("one_op"), {.samples = inputs, .per_layer = true}); });
  CHECK(none.code == td::errc::no_common_layer);
}

TEST_CASE("a reference lends its examples to verify") {
  auto const reference =
      td::load<td::TorchScript>(test::model_path("mlp_scripted"), {.examples = test::noise({2, 16}, 5)});
  auto const borrowed = test::load("mlp_scripted") | td::verify(reference);
  CHECK(borrowed.report().find("verify")->detail("samples") == "5");
  CHECK_NOTHROW(test::load("mlp_scripted") | td::verify(reference.clone()));
}

TEST_CASE("latency is of both, or of the model alone where the reference is a recording") {
  auto const inputs = test::noise({2, 16}, 2);
  auto const model = load("mlp_scripted");
  auto const both = td::compare(model, model, {.samples = inputs, .latency_calls = 7});
  REQUIRE(both.latency);
  REQUIRE(both.reference_latency);
  CHECK(both.latency->calls == 7);
  CHECK(both.reference_latency->calls == 7);
  CHECK(both.latency->median_ms > 0);
  CHECK(both.latency->median_ms <= both.latency->p95_ms);
  CHECK_THAT(td::to_text(both), ContainsSubstring("\n  latency "));
  CHECK_THAT(td::to_text(both), ContainsSubstring(", 7 calls)"));
  CHECK_FALSE(td::compare(model, model, {.samples = inputs, .latency_calls = 0}).latency);

  test::temporary_folder const folder;
  td::record_golden(model, folder / "golden.pt", {.samples = inputs});
  auto const alone = td::compare(model, td::golden(folder / "golden.pt"));
  CHECK(alone.latency);
  CHECK_FALSE(alone.reference_latency);
}
