#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/verification/compare.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {

std::string model(std::string const& name) { return TORCHDEPLOY_MODELS "/" + name + ".pt"; }

using test::load;

/// A module from code, so that what is wrong with it is known.
torch::jit::Module written(std::string const& forward) {
  torch::jit::Module module("__torch__.written");
  module.define(forward);
  return module;
}

td::comparison same_function(std::string const& body, auto reference, td::verify_options options) {
  return td::compare(td::evaluate(written("def forward(self, x):\n    return " + body + "\n")), reference, options);
}

/// Change one weight of a model by much.
void damage(torch::jit::Module const& module, std::string const& parameter) {
  at::NoGradGuard const no_grad;
  for (auto const& each : module.named_parameters())
    if (each.name == parameter) {
      each.value.view(-1)[0] += 0.1;
      return;
    }
  throw std::logic_error("no parameter " + parameter);
}

}  // namespace

TEST_CASE("a model is close to itself") {
  auto const one = load("mlp_scripted");
  auto const result = td::compare(one, one, {.samples = test::noise({2, 16}, 3)});
  CHECK(result.passed);
  CHECK(result.samples == 3);
  CHECK(result.failure.empty());
  REQUIRE(result.outputs.size() == 1);
  CHECK(result.outputs[0].name == "output");
  CHECK(result.outputs[0].numel == 24);
  CHECK(std::isinf(result.outputs[0].sqnr_db));
  CHECK(result.outputs[0].cosine == 1);
  CHECK(result.outputs[0].agreement == 1);
}

TEST_CASE("a model with one damaged weight passes no default criterion") {
  for (auto const* name :
       {"mlp_scripted", "two_outputs", "dict_output", "conv1d_bn", "lstm_scripted", "embedding_mlp"}) {
    CAPTURE(name);
    auto const inputs = std::string(name) == "conv1d_bn"       ? test::noise({2, 2, 16}, 3)
                        : std::string(name) == "lstm_scripted" ? test::noise({2, 5, 8}, 3)
                                                               : test::noise({2, 16}, 3);
    td::samples samples = inputs;
    if (std::string(name) == "embedding_mlp")
      samples = std::vector{at::randint(0, 50, {2, 7}), at::randint(0, 50, {2, 7})};
    auto const reference = load(name);
    auto model = load(name);
    std::string last;  // the last layer's bias: it is added to the output, whatever the inputs are
    for (auto const& each : model.handle().named_parameters()) last = each.name;
    damage(model.handle(), last);
    auto const result = td::compare(model, reference, {.samples = samples});
    CHECK_FALSE(result.passed);
    CHECK_THAT(result.failure, StartsWith("expected close (rtol 1.3e-06, atol 1e-05), got "));
    CHECK(std::abs(result.worst.got.toDouble() - result.worst.expected.toDouble()) > 0.05);
  }
}

TEST_CASE("a failure names the output, the sample, the index and both values") {
  auto inputs = std::vector{at::ones({2, 4}), at::arange(8, at::kFloat).view({2, 4})};
  auto const reference = [](at::Tensor x) {
    auto y = x.clone();
    if (x[1][3].item<float>() == 7) y[1][2] = 6.5;
    return std::tuple(x + 0, y);
  };
  auto const result = same_function("x + 0, x * 1", reference, {.samples = inputs, .sqnr_db = 60});
  CHECK_FALSE(result.passed);
  CHECK(result.failure ==
        "expected sqnr >= 60 dB, got 27.9029 dB; worst at output[1][1, 2] of sample 1: got 6, expected 6.5");
  CHECK(result.criteria.at(0).score == Approx(10 * std::log10(154.25 / 0.25)));
  CHECK(result.worst.output == "output[1]");
  CHECK(result.worst.sample == 1);
  CHECK(result.worst.index == std::vector<std::int64_t>{1, 2});
  CHECK(result.worst.got.toDouble() == 6);
  CHECK(result.worst.expected.toDouble() == 6.5);
}

TEST_CASE("the output of a dict is named by its key") {
  auto const module = load("dict_output");
  auto const reference = [&](at::Tensor const& x) {
    auto copy = module.handle().clone();
    auto dict = copy.forward({x}).toGenericDict().copy();
    dict.insert_or_assign("logits", dict.at("logits").toTensor() + 1);
    return c10::IValue(dict);
  };
  auto const result = td::compare(module, reference, {.samples = test::noise({2, 16}, 2)});
  CHECK(result.worst.output == "output['logits']");
}

TEST_CASE("two values that print alike are printed with more digits") {
  auto const result = same_function(
      "x + 0.00001", [](at::Tensor const& x) { return x + 0; },
      {.samples = std::vector{at::full({1}, 1, at::kDouble), at::full({1}, 2, at::kDouble)}, .rtol = 0, .atol = 1e-6});
  CHECK_THAT(result.failure, ContainsSubstring("got 1.00001, expected 1"));
  auto const finer = same_function(
      "x + 0.0000001", [](at::Tensor const& x) { return x + 0; },
      {.samples = std::vector{at::full({1}, 1, at::kDouble), at::full({1}, 2, at::kDouble)}, .rtol = 0, .atol = 1e-9});
  CHECK_THAT(finer.failure,
             ContainsSubstring("got 2.0000001, expected 2") || ContainsSubstring("got 1.0000001, expected 1"));
}

TEST_CASE("all criteria given must hold, and the comparison tells of each") {
  auto const inputs = test::noise({2, 8}, 4);
  auto const exact = [](at::Tensor const& x) { return x * 1.01; };
  auto const result =
      same_function("x", exact, {.samples = inputs, .sqnr_db = 30, .agreement = 1, .max_abs = 1e-3, .cosine = 0.999});
  REQUIRE(result.criteria.size() == 4);
  CHECK(result.criteria[0].name == "sqnr");
  CHECK(result.criteria[0].passed);
  CHECK(result.criteria[0].score == Approx(20 * std::log10(1.01 / 0.01)));
  CHECK(result.criteria[1].name == "max_abs");
  CHECK_FALSE(result.criteria[1].passed);
  CHECK(result.criteria[2].passed);
  CHECK(result.criteria[3].passed);
  CHECK_FALSE(result.passed);
  CHECK_THAT(result.failure, StartsWith("expected max_abs <= 0.001, got 0.0"));
  CHECK(same_function("x", exact, {.samples = inputs, .sqnr_db = 30, .agreement = 1, .max_abs = 1, .cosine = 0.999})
            .passed);
  CHECK_FALSE(same_function("-x", exact, {.samples = inputs, .cosine = 0}).passed);
  CHECK(same_function("x", exact, {.samples = inputs, .rtol = 0.011, .atol = 0}).passed);
  CHECK_FALSE(same_function("x", exact, {.samples = inputs, .rtol = 0.009, .atol = 0}).passed);
}

TEST_CASE("agreement says which row chose another class") {
  auto const inputs = std::vector{at::eye(3), at::eye(3) * 2 + 1};
  auto const reference = [](at::Tensor const& x) {
    auto y = x.clone();
    if (x[0][0].item<float>() == 3) y[2] = y[1];
    return y;
  };
  auto const result = same_function("x + 0", reference, {.samples = inputs, .agreement = 0.9});
  CHECK(result.failure == "expected agreement >= 0.9, got 0.833333; first at output[2] of sample 1: got 2, expected 1");
  CHECK(same_function("x + 0", reference, {.samples = inputs, .agreement = 0.8}).passed);
  auto const unfit = test::raised_by<td::verification_error>([&] {
    same_function("x.sum([1], True)", [](at::Tensor const& x) { return x.sum({1}, true); },
                  {.samples = inputs, .agreement = 0.9});
  });
  CHECK(unfit.code() == td::errc::options_conflict);
}

TEST_CASE("a NaN passes no criterion, and is named") {
  auto const inputs = std::vector{at::ones({2, 2}), at::full({2, 2}, -4.0)};
  auto const reference = [](at::Tensor const& x) { return x.sqrt(); };
  auto const itself = same_function("x.sqrt()", reference, {.samples = inputs});
  CHECK(itself.failure ==
        "expected close (rtol 1.3e-06, atol 1e-05), got 4 of 8 elements off; worst at output[0, 0] of sample 1: got "
        "nan, expected nan");
  CHECK_THAT(itself.notes.at(0), StartsWith("4 element(s) are NaN or infinite, first output[0, 0] of sample 1"));
  CHECK(same_function("x.sqrt()", reference, {.samples = inputs, .equal_nan = true}).passed);
  for (td::verify_options options :
       {td::verify_options{.sqnr_db = -100}, {.agreement = 1}, {.max_abs = 100}, {.cosine = -1}}) {
    options.samples = inputs;
    CHECK_FALSE(same_function(
                    "x.sqrt()", [](at::Tensor const& x) { return x + 0; }, options)
                    .passed);
  }
  auto const sqnr =
      same_function("x.sqrt()", [](at::Tensor const& x) { return x.abs(); }, {.samples = inputs, .sqnr_db = 3});
  CHECK_THAT(sqnr.failure,
             ContainsSubstring("got nan dB; not finite at output[0, 0] of sample 1: got nan, expected 4"));
}

TEST_CASE("a difference in structure says where, and what was expected") {
  auto const inputs = test::noise({2, 10}, 2);
  auto const differs = [&](std::string const& body, auto reference) {
    auto const result = same_function(body, reference, {.samples = inputs, .sqnr_db = 1});
    CHECK_FALSE(result.passed);
    CHECK(result.samples == 1);
    CHECK(result.failure == result.structure);
    return result.structure;
  };
  CHECK(differs("x, torch.cat([x, x[:, :1]], 1)", [](at::Tensor const& x) { return std::tuple(x, x); }) ==
        "output[1]: expected float32 [2, 10], got float32 [2, 11]");
  CHECK(differs("x.double()", [](at::Tensor const& x) { return x; }) ==
        "output: expected float32 [2, 10], got float64 [2, 10]");
  CHECK(differs("x", [](at::Tensor const& x) { return std::tuple(x, x); }) ==
        "output: expected a tuple of 2, got float32 [2, 10]");
  CHECK(differs("(x, (x, x))", [](at::Tensor const& x) { return std::tuple(x, std::tuple(x, x, x)); }) ==
        "output[1]: expected a tuple of 3, got a tuple of 2");
  CHECK(differs("{'a': x}", [](at::Tensor const& x) {
          c10::Dict<std::string, at::Tensor> dict;
          dict.insert("b", x);
          return dict;
        }) == "output: expected a dict of 'b', got a dict of 'a'");
  CHECK(differs("(x, 3)", [](at::Tensor const& x) { return std::tuple(x, 3.0); }) ==
        "output[1]: expected a float, got an int");
  CHECK(differs("(x, None)", [](at::Tensor const& x) { return std::tuple(x, x); }) ==
        "output[1]: expected float32 [2, 10], got None");
}

TEST_CASE("a list passes for a tuple, as in torch.testing") {
  auto const inputs = test::noise({2, 3}, 2);
  CHECK(same_function("[x, x + 1]", [](at::Tensor const& x) { return std::tuple(x, x + 1); }, {.samples = inputs})
            .passed);
}

TEST_CASE("plain values beside tensors must be equal") {
  auto const inputs = test::noise({2, 3}, 2);
  CHECK(same_function(
            "(x, 3, 'three', 3.0, None, True)",
            [](at::Tensor const& x) { return std::tuple(x, 3, std::string("three"), 3.0 + 1e-9, c10::IValue(), true); },
            {.samples = inputs})
            .passed);
  auto const result =
      same_function("(x, 3)", [](at::Tensor const& x) { return std::tuple(x, 4); }, {.samples = inputs, .sqnr_db = 10});
  CHECK(result.failure ==
        "expected equal plain values, got 2 of 2 differ; worst at output[1] of sample 0: got 3, expected 4");
}

TEST_CASE("a user's own metric judges, alone or with others") {
  auto const inputs = test::noise({2, 8}, 4);
  auto const reference = [](at::Tensor const& x) { return x + 0; };
  int calls = 0;
  td::metric const sign{
      "same sign",
      [&calls](c10::IValue const& got, c10::IValue const& expected) {
        ++calls;
        return got.toTensor().sign().eq(expected.toTensor().sign()).to(at::kDouble).mean().item<double>();
      },
      0.99};
  auto const result = same_function("x * 100", reference, {.samples = inputs, .metric = sign});
  CHECK(result.passed);
  CHECK(calls == 4);
  REQUIRE(result.criteria.size() == 1);
  CHECK(result.criteria[0].score == 1);
  CHECK_FALSE(same_function("x * 100", reference, {.samples = inputs, .sqnr_db = 20, .metric = sign}).passed);
  auto const failed = same_function("-x", reference, {.samples = inputs, .metric = sign});
  CHECK(failed.failure == "expected same sign >= 0.99, got 0 (worst: 0 on sample 0)");

  td::metric const undefined{"undefined", [](auto const&, auto const&) { return std::nan(""); }, 0};
  CHECK_FALSE(same_function("x", reference, {.samples = inputs, .metric = undefined}).passed);
  td::metric const throws{"throws", [](auto const&, auto const&) -> double { throw std::runtime_error("no pitch"); },
                          0};
  auto const thrown = test::raised_by<td::verification_error>(
      [&] { same_function("x", reference, {.samples = inputs, .metric = throws}); });
  CHECK(thrown.code() == td::errc::metric_raised);
  CHECK_THAT(thrown.what(), ContainsSubstring("the metric 'throws' raised on sample 0: no pitch"));
}

TEST_CASE("a metric alone may compare outputs of another structure") {
  td::metric const classes{
      "class",
      [](c10::IValue const& got, c10::IValue const& expected) {
        return got.toTensor().argmax(-1).eq(expected.toTensor()).to(at::kDouble).mean().item<double>();
      },
      1};
  auto const result = same_function("x", [](at::Tensor const& x) { return x.argmax(-1); },
                                    {.samples = test::noise({4, 8}, 8), .metric = classes});
  CHECK(result.passed);
}

TEST_CASE("without a criterion the report decides") {
  auto const inputs = test::noise({2, 16}, 4);
  auto const reference = load("mlp_scripted");
  CHECK(td::compare(reference, reference, {.samples = inputs}).criteria.at(0).name == "close");
  CHECK(td::compare(reference, reference, {.samples = inputs}).why ==
        "default, as nothing lossy happened to the model");

  auto const quantized = load("mlp_scripted") | td::quantize<td::Int8>(inputs);
  auto const result = td::compare(quantized, reference);
  CHECK(result.passed);
  CHECK(result.criteria.at(0).wanted == "sqnr >= 20 dB");
  CHECK(result.criteria[0].score < 60);  // the lowered form was run, not the float one
  CHECK(result.why == "default, as 3 layers are int8");

  auto const before = td::load<td::TorchScript>(model("reference/static_minmax_mlp_scripted_int8"));
  CHECK(td::compare(before, reference, {.samples = inputs}).why == "default, as the file was quantized before");
}

TEST_CASE("options that contradict themselves are refused") {
  auto const one = load("mlp_scripted");
  auto const inputs = test::noise({2, 16}, 2);
  auto const refused = [&](td::verify_options options) {
    options.samples = inputs;
    auto const thrown = test::raised_by<td::verification_error>([&] { (void)td::compare(one, one, options); });
    CHECK(thrown.code() == td::errc::options_conflict);
    return std::string(thrown.what());
  };
  CHECK_THAT(refused({.rtol = 0.1}),
             StartsWith("[torchdeploy.verify.307] expected rtol and atol together, got only rtol; "));
  CHECK_THAT(refused({.atol = 0.1}),
             StartsWith("[torchdeploy.verify.307] expected rtol and atol together, got only atol; "));
  CHECK(refused({.rtol = -1, .atol = 0}) != "");
  CHECK(refused({.sqnr_db = std::nan("")}) != "");
  CHECK_THAT(refused({.agreement = 99}), StartsWith("[torchdeploy.verify.307] expected agreement in 0 .. 1, got 99; "));
  CHECK(refused({.metric = td::metric{"empty", {}, 1}}) != "");
}

TEST_CASE("without samples there is nothing to compare") {
  auto const one = load("mlp_scripted");
  auto const thrown = test::raised_by<td::verification_error>([&] { (void)td::compare(one, one); });
  CHECK(thrown.code() == td::errc::no_examples);
  CHECK(thrown.id() == "torchdeploy.verify.301");
}

TEST_CASE("the examples of the reference are the samples when the artifact has none") {
  auto const one = load("mlp_scripted");
  auto const other = td::load<td::TorchScript>(model("mlp_scripted"), {.examples = test::noise({2, 16}, 5)});
  CHECK(td::compare(one, other).samples == 5);
  CHECK(td::compare(one, other, {.samples = test::noise({2, 16}, 3)}).samples == 3);
}

TEST_CASE("the artifact's examples are the samples when none are given") {
  auto const one = td::load<td::TorchScript>(model("mlp_scripted"), {.examples = test::noise({2, 16}, 5)});
  CHECK(td::compare(one, one).samples == 5);
  CHECK(td::compare(one, one, {.samples = test::noise({2, 16}, 2)}).samples == 2);
}

TEST_CASE("what the model or the reference raises is nested, with the sample's number") {
  auto const raising = load("raises");
  auto const inputs = std::vector{at::ones({2, 16}), at::full({2, 16}, -1.0)};
  auto const fine = [](at::Tensor const& x) { return x * 2; };
  try {
    (void)td::compare(raising, fine, {.samples = inputs});
    FAIL("expected an error");
  } catch (td::verification_error const& thrown) {
    CHECK(thrown.code() == td::errc::model_raised);
    CHECK_THAT(thrown.what(), ContainsSubstring("the model raised on sample 1: "));
    CHECK(thrown.comparison().samples == 1);
    try {
      std::rethrow_if_nested(thrown);
      FAIL("expected what the model threw to be nested");
    } catch (std::exception const& nested) {
      CHECK_THAT(nested.what(), ContainsSubstring("the sum of the input is negative"));
    }
  }

  auto const doubling = td::evaluate(written("def forward(self, x):\n    return x * 2\n"));
  CHECK(test::raised_by<td::verification_error>([&] {
          (void)td::compare(doubling, raising, {.samples = inputs});
        }).code() == td::errc::reference_raised);
  auto const number = [](at::Tensor const&) -> at::Tensor { throw 5; };
  CHECK(test::raised_by<td::verification_error>([&] {
          (void)td::compare(doubling, number, {.samples = inputs});
        }).code() == td::errc::reference_raised);
}

TEST_CASE("models that keep a state are compared call by call, and keep the state they had") {
  auto const stream = load("exported_methods");
  auto const inputs = test::noise({1, 16}, 3);
  auto const before = stream.handle().attr("state").toTensor().clone();
  CHECK(td::compare(stream, stream, {.samples = inputs}).passed);
  CHECK(td::compare(stream, stream, {.samples = inputs}).passed);
  CHECK(at::equal(stream.handle().attr("state").toTensor(), before));
  CHECK(stream.handle().attr("calls").toInt() == 0);

  auto used = stream.handle().clone();
  used.forward({inputs[0]});
  CHECK_FALSE(td::compare(stream, used, {.samples = inputs}).passed);
  CHECK(used.attr("calls").toInt() == 1);
}

TEST_CASE("a model that writes into its input disturbs neither the samples nor the reference") {
  auto const inputs = test::noise({2, 3}, 2);
  auto const kept = inputs[0].clone();
  auto const result = same_function("x.mul_(2)", [](at::Tensor x) { return x.mul_(2); }, {.samples = inputs});
  CHECK(result.passed);
  CHECK(at::equal(inputs[0], kept));
}

TEST_CASE("complex numbers are compared, as arguments, attributes and results") {
  auto module = written("def forward(self, x, c: complex):\n    return x * 2, c * 2\n");
  auto const model = td::evaluate(module);
  auto const samples = std::vector{td::example{at::ones({2, 3}), c10::complex<double>(1, 2)},
                                   td::example{at::zeros({2, 3}), c10::complex<double>(0, 2)}};
  CHECK(td::compare(model, model, {.samples = samples}).passed);
  auto const other = td::evaluate(written("def forward(self, x, c: complex):\n    return x * 2, c * 3\n"));
  CHECK_FALSE(td::compare(other, model, {.samples = samples}).passed);
  CHECK((model.clone() | td::deploy<td::LibTorch>()).warmup(2, {.samples = samples}).size() == 1);
}

TEST_CASE("a comparison can be read") {
  auto const result = same_function("x * 1.5", [](at::Tensor const& x) { return x + 0; },
                                    {.samples = test::noise({2, 3}, 2), .sqnr_db = 20});
  auto const text = td::to_text(result);
  CHECK_THAT(text, StartsWith("FAILED: expected sqnr >= 20 dB, got 6.0206 dB; worst at output["));
  CHECK_THAT(text, ContainsSubstring("compared with a callable on 2 sample(s)"));
  CHECK_THAT(text, ContainsSubstring("output (float32):  sqnr 6.021 dB  cosine 1"));
}
