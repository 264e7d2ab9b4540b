// The first call of a session beside a later one, as warmup() sees them, and what is left to be slow after it. Each line is
// a process of its own, since the first operator of a process costs extra.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

#include <ATen/Parallel.h>

namespace td = torchdeploy;

namespace {

void measure(std::string const& model, std::string const& form) {
  td::quiet = true;
  at::set_num_threads(1);
  bool const digits = model.starts_with("digits");
  auto const path = digits ? TORCHDEPLOY_TEST_DATA "/" + model + ".pt" : TORCHDEPLOY_MODELS "/" + model + ".pt";
  std::vector const input(1, digits ? at::rand({1, 1, 8, 8}) : at::rand({1, 3, 64, 64}));
  auto const show = [&](auto const session) {
    auto const cold = session.warmup(40, {.samples = input})[0];
    auto const warm = session.warmup(40, {.samples = input})[0];
    std::printf("%-18s %-10s %9.2f %9.3f %7.1fx %6d %11.1fx\n", model.c_str(), form.c_str(), cold.first_milliseconds,
                cold.steady_milliseconds, cold.first_milliseconds / cold.steady_milliseconds, cold.slow_calls,
                warm.first_milliseconds / warm.steady_milliseconds);
  };
  auto opened = td::load<td::TorchScript>(path);
  if (form == "as loaded") show(std::move(opened) | td::deploy<td::LibTorch>());
  if (form == "frozen") show(std::move(opened) | td::freeze() | td::deploy<td::LibTorch>());
  if (form == "optimized") show(std::move(opened) | td::optimize() | td::deploy<td::LibTorch>());
  if (form == "int8") show(std::move(opened) | td::quantize<td::Int8, td::MinMax>(input) | td::deploy<td::LibTorch>());
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 3) {
    measure(arguments[1], arguments[2]);
    return 0;
  }
  std::printf("%-18s %-10s %9s %9s %8s %6s %12s\n", "model", "form", "first ms", "steady ms", "ratio", "slow",
              "after warmup");
  std::fflush(stdout);
  int failed = 0;
  for (std::string const model : {"digits_cnn_traced", "digits_cnn", "resnet18_traced", "resnet18"})
    for (std::string const form : {"as loaded", "frozen", "optimized", "int8"})
      failed += std::system(("'" + std::string(arguments[0]) + "' " + model + " '" + form + "'").c_str()) != 0;
  return failed;
}
