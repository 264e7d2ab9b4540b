#include <torchdeploy/verification/session_runner.hpp>

#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/backend/libtorch.hpp>
#include <torchdeploy/backend/mobile_runtime.hpp>
#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/optimize.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/to_mobile.hpp>
#include <torchdeploy/stage/verify.hpp>

#include "support/toy_runtime.hpp"

namespace {

auto with_examples(std::string const& name, td::samples inputs) {
  return td::load<td::TorchScript>(test::model_path(name), {.examples = std::move(inputs)});
}
auto vectors(int count = 3) { return test::noise({2, 16}, count); }

auto written(std::string const& arguments, std::string const& body, td::samples inputs) {
  return td::evaluate(test::scripted("def forward(self, " + arguments + "):\n    return " + body),
                      {.examples = std::move(inputs)});
}

/// A backend whose sessions are called with tensors and offer nothing else.
struct Doubling {
  using consumes = td::TorchScript;
  struct options {};
  static constexpr bool available = true;
  struct twice {
    at::Tensor operator()(at::Tensor const& x) const { return x * 2; }
  };
  static twice compile(torch::jit::Module const&, td::record<td::TorchScript> const&, options const&) { return {}; }
};

}  // namespace

static_assert(td::answering_session<td::session<td::LibTorch>> &&
              td::answering_session<td::session<td::MobileRuntime>&>);
static_assert(td::answering_session<td::session<toy::Runtime>> && td::answering_session<td::session<Doubling> const&>);
static_assert(!td::answering_session<torch::jit::Module> && !td::answering_session<td::artifact<td::TorchScript>>);
static_assert(td::any_reference<td::session<toy::Runtime> const&>);

TEST_CASE("a session of any backend is compared with any reference, several outputs too") {
  for (auto const* name : {"mlp_scripted", "two_outputs", "dict_output"}) {
    CAPTURE(name);
    auto const model = with_examples(name, vectors());
    auto const libtorch = model.clone() | td::deploy<td::LibTorch>();
    auto const mobile = model.clone() | td::to_mobile() | td::deploy<td::MobileRuntime>();
    auto const list = model.clone() | td::deploy<toy::Runtime>();
    auto const passes = [&](td::comparison const& result, std::size_t samples = 3) {
      CAPTURE(result);
      CHECK(result.passed);
      CHECK(result.samples == samples);
      REQUIRE(result.batch);
      CHECK(result.batch->size == 1);
      CHECK(result.latency);
    };
    passes(td::compare(libtorch, model));
    passes(td::compare(mobile, model));
    passes(td::compare(list, model));
    passes(td::compare(model, list));
    passes(td::compare(list, mobile));
    passes(td::compare(libtorch, list, {.samples = vectors(2)}), 2);
    passes(td::compare(list, list));
    auto const verified =
        model.clone() | td::verify(mobile) | td::verify(list) | td::verify(model.clone() | td::deploy<td::LibTorch>());
    CHECK(verified.report().find("verify")->detail("reference") == "a session");
  }
}

TEST_CASE("a callable, a module and a golden file are references of sessions too") {
  auto const model = with_examples("two_outputs", vectors());
  auto const list = model.clone() | td::deploy<toy::Runtime>();
  CHECK(td::compare(list, model.handle()).passed);
  CHECK(td::compare(list, [&](td::example const& inputs) { return test::forward(model.handle(), inputs); }).passed);
  auto const path = std::filesystem::temp_directory_path() / "session_golden.pt";
  td::record_golden(model, path);
  CHECK(td::compare(list, td::golden(path)).passed);
  std::filesystem::remove(path);
}

TEST_CASE("verify of a session and a reference is a call") {
  auto const model = with_examples("mlp_scripted", vectors());
  auto const session = model.clone() | td::deploy<td::LibTorch>();
  CHECK(td::verify(session, model).passed);
  CHECK(td::verify(session, model, {.max_abs = 0}).criteria.at(0).name == "max_abs");
  auto const off = model.clone() | td::deploy<toy::Runtime>({.distort = [](at::Tensor const& x) { return x * 1.01; }});
  auto const error = test::raised_by<td::verification_error>([&] { td::verify(off, model, {.sqnr_db = 60}); });
  CHECK(error.code() == td::errc::out_of_tolerance);
  CHECK(std::abs(error.comparison().criteria.at(0).score - 40) < 0.1);
  CHECK_FALSE(td::compare(off, model, {.sqnr_db = 60}).passed);
  // one argument more or less is no doubt: a stage, whose reference is the session
  CHECK_FALSE(std::is_same_v<decltype(td::verify(session)), td::comparison>);
  CHECK_FALSE(std::is_same_v<decltype(td::verify(session, {.sqnr_db = 30})), td::comparison>);
}

TEST_CASE("leaves are the same by name, whatever their order, or by order, whatever their names") {
  auto const model = with_examples("dict_output", vectors());
  auto const deployed = [&](toy::options const& told) { return model.clone() | td::deploy<toy::Runtime>(told); };
  auto const plain = deployed({});
  std::vector<std::string> names;
  for (auto const& each : plain.outputs()) names.push_back(each.name);
  REQUIRE(names.size() == 2);

  CHECK(td::compare(deployed({.order = {1, 0}}), model).structure.empty());  // their names move along
  CHECK(td::compare(deployed({.order = {1, 0}}), plain).passed);
  CHECK(td::compare(deployed({.names = {"first", "second"}}), model).passed);
  CHECK(td::compare(model, deployed({.names = {"first", "second"}})).passed);
  auto const swapped = td::compare(deployed({.names = {names[0], "second"}, .order = {1, 0}}), model);
  CHECK_FALSE(swapped.passed);

  auto const refused = [&](auto const& session) {
    auto const result = td::compare(session, model);
    CHECK_FALSE(result.passed);
    return result.structure;
  };
  CHECK_THAT(refused(deployed({.names = {names[1], "second"}})),
             ContainsSubstring("2 tensors (" + names[0] + ", " + names[1] + "), got 2 tensors (" + names[1]));
  auto const one = with_examples("mlp_scripted", vectors()) | td::deploy<toy::Runtime>();
  CHECK_THAT(refused(one), ContainsSubstring("expected 2 tensors (") && ContainsSubstring("got 1 tensor (output)"));
  CHECK(test::raised_by<td::verification_error>([&] { td::verify(one, model); }).code() == td::errc::structure_differs);
}

TEST_CASE("a number among TorchScript's results is a tensor in a list") {
  auto const model = written("x: Tensor", "(x * 2, x.size(0), None)", vectors());
  auto const list = written("x: Tensor", "(x * 2, torch.tensor(x.size(0)))", vectors()) | td::deploy<toy::Runtime>();
  CHECK(td::compare(list, model, {.batch = 0}).passed);
  auto const text = written("x: Tensor", "(x * 2, 'text')", vectors());
  CHECK_THAT(td::compare(list, text).structure, ContainsSubstring("only tensors have names"));
}

TEST_CASE("without a criterion, what the runtime does decides") {
  auto const model = with_examples("mlp_scripted", vectors());
  auto const why = [&](auto const& session, auto const& reference) {
    auto const result = td::compare(session, reference);
    return result.criteria.at(0).wanted + ", " + result.why;
  };
  auto const libtorch = model.clone() | td::deploy<td::LibTorch>();
  auto const list = model.clone() | td::deploy<toy::Runtime>();
  auto const bf16 = model.clone() | td::deploy<toy::Runtime>({.runs = "FullyConnected bf16: 3"});
  CHECK_THAT(why(libtorch, model), StartsWith("close"));
  CHECK_THAT(why(list, list), StartsWith("close"));
  CHECK(why(list, model) == "sqnr >= 80 dB, default, as two runtimes sum in different orders");
  CHECK(why(model, list) == "sqnr >= 80 dB, default, as two runtimes sum in different orders");
  CHECK(why(bf16, model) == "sqnr >= 30 dB, default, as the model runs in bf16");
  CHECK(why(model, bf16) == "sqnr >= 30 dB, default, as the reference runs in bf16");
  auto const int8 = model.clone() | td::quantize<td::Int8>() | td::deploy<td::LibTorch>();
  CHECK_THAT(why(int8, model), StartsWith("sqnr >= 20 dB, default, as "));
}

TEST_CASE("sessions of models that were frozen, optimized or have an LSTM are compared, at another batch too") {
  auto const model = td::load<td::TorchScript>(test::model_path("digits_cnn"), {.examples = test::digits(8).split(4)});
  CHECK(td::compare(model.clone() | td::freeze() | td::deploy<td::LibTorch>(), model).passed);
  auto const optimized = td::compare(model.clone() | td::freeze() | td::optimize() | td::deploy<td::LibTorch>(), model);
  CAPTURE(optimized);
  CHECK(optimized.passed);
  CHECK(optimized.batch);
  auto const int8 = model.clone() | td::quantize<td::Int8>(test::calibration_digits()) | td::deploy<td::LibTorch>();
  CHECK(td::compare(int8, model).passed);
  auto const recurrent = with_examples("lstm_scripted", test::noise({2, 5, 8}, 3));
  CHECK(td::compare(recurrent.clone() | td::deploy<td::LibTorch>(), recurrent).passed);
}

TEST_CASE("an LSTM is known of in LibTorch's sessions, and presumed in what does not tell") {
  auto const may_have_lstm = [](auto const& session) { return td::detail::session_runner(session).may_have_lstm(); };
  auto const recurrent = with_examples("lstm_scripted", test::noise({2, 5, 8}, 1));
  auto const plain = with_examples("mlp_scripted", vectors());
  CHECK(may_have_lstm(recurrent.clone() | td::deploy<td::LibTorch>()));
  CHECK(may_have_lstm(recurrent.clone() | td::to_mobile() | td::deploy<td::MobileRuntime>()));
  CHECK_FALSE(may_have_lstm(plain.clone() | td::deploy<td::LibTorch>()));
  CHECK_FALSE(may_have_lstm(plain.clone() | td::to_mobile() | td::deploy<td::MobileRuntime>()));
  CHECK_FALSE(may_have_lstm(plain.clone() | td::deploy<toy::Runtime>()));
  CHECK(may_have_lstm(plain.clone() | td::deploy<Doubling>()));
}

TEST_CASE("a session that remembers its calls stays as it is") {
  auto const model = [] {
    torch::jit::Module module("Counting");
    module.register_attribute("count", c10::TensorType::get(), at::zeros({1}));
    module.define("def forward(self, x):\n    self.count = self.count + 1\n    return x * self.count\n");
    return td::evaluate(module, {.examples = vectors()});
  }();
  auto const session = model.clone() | td::deploy<td::LibTorch>();
  CHECK(td::compare(session, model, {.latency_calls = 0}).passed);
  CHECK(td::compare(model, session, {.latency_calls = 0}).passed);
  CHECK(session(at::ones({1})).item<float>() == 1);
}

TEST_CASE("a session that is called with tensors and offers nothing else is compared") {
  auto const model = written("x: Tensor", "x * 2", vectors());
  auto const session = model.clone() | td::deploy<Doubling>();
  CHECK(td::compare(session, model).passed);
  CHECK(td::compare(model, session).passed);
  CHECK(td::verify(session, session).samples == 3);
}

TEST_CASE("a batch that a runtime says it is fixed to is not tried") {
  auto const model = with_examples("mlp_scripted", vectors());
  auto const result = td::compare(model.clone() | td::deploy<toy::Runtime>({.shape = {2, 16}}), model);
  CHECK(result.passed);
  CHECK_FALSE(result.batch);
  REQUIRE_FALSE(result.notes.empty());
  CHECK_THAT(result.notes.back(), ContainsSubstring("the model says that it takes a batch of 2"));
}

TEST_CASE("what a session can't be compared by is said") {
  auto const model = with_examples("mlp_scripted", vectors());
  auto const session = model.clone() | td::deploy<toy::Runtime>();
  auto const error = [](auto work) {
    auto const thrown = test::raised_by<td::verification_error>(work);
    return std::pair(thrown.code(), std::string(thrown.what()));
  };
  auto const [code, text] = error([&] {
    std::vector<td::example> const samples{{at::ones({2, 16}), 3}};
    (void)td::compare(session, model, {.samples = samples});
  });
  CHECK(code == td::errc::options_conflict);
  CHECK_THAT(text, ContainsSubstring("expected samples of tensors for Toy, got an int as argument 1"));
  CHECK(error([&] { (void)td::compare(session, model, {.per_layer = true}); }).first == td::errc::options_conflict);
  CHECK(error([&] { (void)td::compare(session, model, {.rtol = 1}); }).first == td::errc::options_conflict);
  auto const wrong = std::vector{at::ones({2, 15})};
  CHECK(error([&] { (void)td::compare(session, model, {.samples = wrong}); }).first == td::errc::model_raised);
  auto const bare = test::load("mlp_scripted");
  CHECK(error([&] { (void)td::compare(bare.clone() | td::deploy<td::LibTorch>(), bare); }).first ==
        td::errc::no_examples);
}
