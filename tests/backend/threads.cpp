// Sessions and pipelines in eight threads at once. Built by itself as threads_tests too, for ThreadSanitizer: script/test.
#include <atomic>
#include <exception>
#include <ranges>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <torchdeploy/backend/libtorch.hpp>
#include <torchdeploy/backend/mobile_runtime.hpp>
#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/optimize.hpp>
#include <torchdeploy/stage/prune.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/save.hpp>
#include <torchdeploy/stage/to_mobile.hpp>
#include <torchdeploy/stage/verify.hpp>

#include "support/models.hpp"

namespace {

constexpr int threads = 8;
constexpr int calls = 1000;

/// Run `work(t)` in eight threads at once; how many of them threw.
template <class Work>
int at_once(Work const& work) {
  std::atomic<int> thrown = 0;
  std::atomic<int> waiting = threads;
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&, t] {
      --waiting;
      while (waiting > 0) std::this_thread::yield();
      try {
        work(t);
      } catch (std::exception const& e) {
        if (thrown++ == 0) UNSCOPED_INFO(e.what());
      }
    });
  for (auto& each : all) each.join();
  return thrown;
}

/// Every call of one session from eight threads gives the bits that one thread got.
template <class Session>
void check_shared(Session const& session, std::vector<at::Tensor> const& inputs) {
  std::vector<at::Tensor> wanted;
  for (auto const& each : inputs) {
    for (int i = 0; i < 4; ++i) session(each);  // until the plan is settled
    wanted.push_back(session(each));
  }
  std::atomic<int> different = 0;
  CHECK(at_once([&](int t) {
          for (int i = 0; i < calls; ++i) {
            auto const at = static_cast<std::size_t>(i + t) % inputs.size();
            if (!at::equal(session(inputs[at]), wanted[at])) ++different;
          }
        }) == 0);
  CHECK(different == 0);
}

std::vector<at::Tensor> images() { return test::digits(8).split(2); }
auto opened() { return test::load("digits_cnn"); }

}  // namespace

TEST_CASE("eight threads that make a thousand calls each of one session get the bits that one thread gets") {
  using td::Int8, td::MinMax;
  auto const samples = test::calibration_digits();
  check_shared(opened() | td::deploy<td::LibTorch>(), images());
  check_shared(opened() | td::freeze() | td::deploy<td::LibTorch>(), images());
  check_shared(opened() | td::optimize() | td::deploy<td::LibTorch>(), images());
  check_shared(opened() | td::quantize<Int8>() | td::deploy<td::LibTorch>(), images());
  check_shared(opened() | td::quantize<Int8, MinMax>(samples) | td::deploy<td::LibTorch>(), images());
  check_shared(opened() | td::quantize<Int8, MinMax, td::Onednn>(samples) | td::deploy<td::LibTorch>(), images());
  check_shared(test::load("control_flow_scripted") | td::deploy<td::LibTorch>(), test::noise({2, 16}));
  check_shared(opened() | td::freeze() | td::to_mobile() | td::deploy<td::MobileRuntime>(), images());
  check_shared(opened() | td::quantize<Int8, MinMax>(samples) | td::to_mobile() | td::deploy<td::MobileRuntime>(),
               images());
}

TEST_CASE("threads that load, rewrite and deploy at once do not disturb each other") {
  auto const x = test::digits(2);
  auto const samples = test::calibration_digits();
  using td::Int8, td::MinMax;
  auto const pipelines = std::tuple{
      [] { return opened() | td::deploy<td::LibTorch>(); },
      [] { return opened() | td::freeze() | td::deploy<td::LibTorch>(); },
      [] { return opened() | td::optimize() | td::deploy<td::LibTorch>(); },
      [] { return opened() | td::prune<td::L1>(0.3) | td::deploy<td::LibTorch>(); },
      [] { return opened() | td::quantize<Int8>() | td::deploy<td::LibTorch>(); },
      [&] { return opened() | td::quantize<Int8, MinMax>(samples) | td::deploy<td::LibTorch>(); },
      [&] { return opened() | td::quantize<Int8, MinMax, td::Onednn>(samples) | td::deploy<td::LibTorch>(); },
      [&] { return opened() | td::quantize<Int8, MinMax, td::Fbgemm>(samples) | td::deploy<td::LibTorch>(); }};
  auto const results = [&](int begin) {
    auto const one = [&](int which) {
      at::Tensor result;
      int index = 0;
      std::apply([&](auto const&... each) { ((index++ == which ? void(result = each()(x)) : void()), ...); },
                 pipelines);
      return result;
    };
    std::vector<at::Tensor> all(threads);
    for (int i = 0; i < threads; ++i) all[static_cast<std::size_t>((begin + i) % threads)] = one((begin + i) % threads);
    return all;
  };
  auto const engine = at::globalContext().qEngine();
  auto const wanted = results(0);
  std::atomic<int> different = 0;
  CHECK(at_once([&](int t) {
          auto const got = results(t);
          for (std::size_t i = 0; i < wanted.size(); ++i) different += !test::close(got[i], wanted[i]);
        }) == 0);
  CHECK(different == 0);
  CHECK(at::globalContext().qEngine() == engine);
}

TEST_CASE("clones of one artifact can be used in several threads") {
  auto const x = test::digits(2);
  auto const artifact = opened();
  auto const wanted = (artifact.clone() | td::freeze() | td::deploy<td::LibTorch>())(x);
  std::atomic<int> different = 0;
  CHECK(at_once([&](int) {
          for (int i = 0; i < 5; ++i) {
            auto const session = artifact.clone() | td::freeze() | td::deploy<td::LibTorch>();
            different += !test::close(session(x), wanted);
          }
        }) == 0);
  CHECK(different == 0);
}

TEST_CASE("a recipe can be run by several threads at once, on a path and on one module") {
  test::temporary_folder const folder;
  auto const recipe = td::load<td::TorchScript>() | td::quantize<td::Int8, td::MinMax>(test::calibration_digits()) |
                      td::prune<td::L1>(0.2);
  auto const checked = td::quantize<td::Int8>() | td::verify(opened().handle(), {.samples = images()});
  auto const module = opened();
  CHECK(at_once([&](int t) {
          auto const file = folder / (std::to_string(t) + ".pt");
          recipe(test::model_path("digits_cnn")) | td::save(file);
          td::load<td::TorchScript>(file) | td::deploy<td::LibTorch>();
          checked(module.handle());
        }) == 0);
  CHECK(folder.files() == threads);
  auto const first = td::load<td::TorchScript>(folder / "0.pt") | td::deploy<td::LibTorch>();
  for (int t = 1; t < threads; ++t) {
    auto const other = td::load<td::TorchScript>(folder / (std::to_string(t) + ".pt")) | td::deploy<td::LibTorch>();
    CHECK(test::same_bits(first(test::digits(2)), other(test::digits(2))));
  }
}

TEST_CASE("samples may be made by threads that run pipelines of their own") {
  auto const made = test::calibration_digits();
  int at = 0;
  auto const samples =
      std::views::iota(0, 3) | std::views::transform([&](int i) {
        std::thread([&] { at += static_cast<int>((opened() | td::freeze()).report().stages().size()); }).join();
        return made[static_cast<std::size_t>(i)];
      });
  CHECK_NOTHROW(opened() | td::quantize<td::Int8, td::MinMax>(samples));
  CHECK(at == 6);
}
