// A call through a session beside the call written by hand, on the same module.
#include <benchmark/benchmark.h>

#include <ATen/Parallel.h>

#include "one_operator.hpp"

namespace td = torchdeploy;

namespace {

void session_call(benchmark::State& state, torch::jit::Module const& module, at::Tensor const& input) {
  at::set_num_threads(1);
  auto const session = td::evaluate(module) | td::deploy<td::LibTorch>();
  for (int i = 0; i < 10; ++i) session(input);
  for (auto _ : state) benchmark::DoNotOptimize(session(input));
}

void forward_call(benchmark::State& state, torch::jit::Module module, at::Tensor const& input) {
  at::set_num_threads(1);
  module.eval();
  for (int i = 0; i < 10; ++i) module.forward({input});
  for (auto _ : state) benchmark::DoNotOptimize(module.forward({input}).toTensor());
}

torch::jit::Module file(char const* path) { return torch::jit::load(path); }

BENCHMARK_CAPTURE(session_call, one_operator, one_operator(), at::ones({2, 16}));
BENCHMARK_CAPTURE(forward_call, one_operator, one_operator(), at::ones({2, 16}));
BENCHMARK_CAPTURE(session_call, digits_cnn, file(TORCHDEPLOY_TEST_DATA "/digits_cnn.pt"), at::ones({1, 1, 8, 8}));
BENCHMARK_CAPTURE(forward_call, digits_cnn, file(TORCHDEPLOY_TEST_DATA "/digits_cnn.pt"), at::ones({1, 1, 8, 8}));

}  // namespace
