#include <torchdeploy/detail/libtorch/lstm_check.hpp>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <torchdeploy/backend/libtorch.hpp>
#include <torchdeploy/backend/mobile_runtime.hpp>
#include <torchdeploy/detail/libtorch/without_onednn.hpp>
#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/optimize.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/save.hpp>
#include <torchdeploy/stage/to_mobile.hpp>
#include <torchdeploy/verification/compare.hpp>
#include <torchdeploy/verification/divergence.hpp>
#include <torchdeploy/verification/golden.hpp>

#include "support/models.hpp"

namespace {

using test::failure_of;

/// A trace of a batch-first LSTM: batches of 2, 8 features.
auto traced() { return td::load<td::TorchScript>(TORCHDEPLOY_MODELS "/pitfalls/states_wrong.pt"); }
at::Tensor fitting() { return at::ones({2, 5, 8}); }

template <class Session>
void check_refusals(Session const& session) {
  CHECK_NOTHROW(session(fitting()));
  auto const features = failure_of<td::backend_error>([&] { session(at::ones({2, 5, 16})); });
  CHECK(features.code == td::errc::call_raised);
  CHECK_THAT(features.text, ContainsSubstring("an LSTM expected 8 features, got 16"));
  auto const batch = failure_of<td::backend_error>([&] { session(at::ones({4, 5, 8})); });
  CHECK(batch.code == td::errc::call_raised);
  CHECK_THAT(batch.text, ContainsSubstring("an LSTM expected states of [") && ContainsSubstring("got ["));
}

}  // namespace

TEST_CASE("a session refuses what does not fit an LSTM, as it is, frozen, optimized and mobile") {
  check_refusals(traced() | td::deploy<td::LibTorch>());
  check_refusals(traced() | td::freeze() | td::deploy<td::LibTorch>());
  check_refusals(traced() | td::optimize() | td::deploy<td::LibTorch>());
  check_refusals(traced() | td::quantize<td::Int8>() | td::deploy<td::LibTorch>());
  check_refusals(traced() | td::to_mobile() | td::deploy<td::MobileRuntime>());
  check_refusals((traced() | td::deploy<td::LibTorch>()).fork());
}

TEST_CASE("what fits an LSTM gives the bits that it gave, with its checks and without") {
  for (std::string const name : {"lstm_scripted", "gru_scripted"}) {
    INFO(name);
    auto const model = test::load(name);
    for (auto const& shape : {std::vector<std::int64_t>{2, 5, 8}, {3, 4, 8}}) {
      auto const x = test::noise(shape, 1)[0];
      auto const wanted = test::forward(model.handle(), {x});
      CHECK(test::same_bits((model.clone() | td::deploy<td::LibTorch>()).run({x}), wanted));
      CHECK(test::same_bits((model.clone() | td::to_mobile() | td::deploy<td::MobileRuntime>()).run({x}), wanted));
    }
  }
}

TEST_CASE("the check stands in what runs alone: neither in the artifact nor in its file") {
  auto const model = traced();
  auto const holds_check = [](torch::jit::Module const& module) {
    return td::detail::has_operator(*td::detail::settled_graph(module), "torchdeploy::check_lstm");
  };
  CHECK(holds_check(td::TorchScript::runnable(model.handle())));
  CHECK_FALSE(holds_check(model.handle()));
  test::temporary_folder const folder;
  auto const saved = model.clone() | td::save(folder / "lstm.pt");
  CHECK_FALSE(holds_check(torch::jit::load((folder / "lstm.pt").string())));
  auto const weights = td::detail::with_checked_lstm(model.handle());  // shares them
  CHECK(weights.parameters().begin().operator*().is_alias_of(model.handle().parameters().begin().operator*()));
  auto const plain = test::load("mlp_scripted").handle();
  CHECK(td::detail::with_checked_lstm(plain)._ivalue() == plain._ivalue());
}

TEST_CASE("samples that do not fit an LSTM are refused wherever they are run") {
  auto const wrong = std::vector{at::ones({2, 5, 16})};
  auto const model = traced();
  CHECK(failure_of([&] { model.clone() | td::quantize<td::Int8>(wrong); }).code == td::errc::calibration_raised);
  CHECK(failure_of([&] { (void)td::compare(model, model, {.samples = wrong}); }).code == td::errc::model_raised);
  CHECK(failure_of([&] { (void)td::first_divergence(model, model, {.samples = wrong}); }).code ==
        td::errc::reference_raised);
  test::temporary_folder const folder;
  CHECK(failure_of([&] { td::record_golden(model, folder / "golden.pt", {.samples = wrong}); }).code ==
        td::errc::model_raised);
  auto const session = model.clone() | td::deploy<td::LibTorch>();
  CHECK(failure_of([&] { (void)session.warmup(2, {.samples = wrong}); }).code == td::errc::call_raised);
}

TEST_CASE("oneDNN is back when the last who turned it off is done, and untouched by who did not") {
  auto& context = at::globalContext();
  bool const before = context.userEnabledMkldnn();
  {
    td::detail::without_onednn const off(true);
    CHECK_FALSE(context.userEnabledMkldnn());
    { td::detail::without_onednn const not_wanted(false); }
    CHECK_FALSE(context.userEnabledMkldnn());
    std::thread([] { td::detail::without_onednn const off_too(true); }).join();
    CHECK_FALSE(context.userEnabledMkldnn());
  }
  CHECK(context.userEnabledMkldnn() == before);
  std::atomic<bool> on_inside = false;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 500; ++i) {
          td::detail::without_onednn const off(true);
          if (at::globalContext().userEnabledMkldnn()) on_inside = true;
        }
      });
  }
  CHECK_FALSE(on_inside);
  CHECK(context.userEnabledMkldnn() == before);
}
