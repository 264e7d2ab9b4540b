// Our side of compare.py: for each line of standard input, "MODEL SAMPLE RESULT", one export to ONNX; answers with its
// seconds, of all but loading the model, and of running the model's nodes on the sample at several sizes alone.
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <ATen/Parallel.h>

#include <torchdeploy/detail/libtorch/pickle.hpp>
#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

namespace {

at::Tensor tensor_in(std::string const& path) {
  std::ifstream in(path, std::ios::binary);
  return torch::jit::pickle_load({std::istreambuf_iterator<char>(in), {}}).toTensor();
}

double evaluations(td::report const& report) {
  for (auto const& stage : report.stages())
    for (auto const& [what, value] : stage.details)
      if (what == "evaluations") return std::strtod(value.c_str(), nullptr);
  return 0;
}

}  // namespace

int main() {
  at::set_num_threads(1);
  td::quiet = true;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string model, sample, result;
    words >> model >> sample >> result;
    auto loaded = td::load<td::TorchScript>(model, {.examples = std::vector{tensor_in(sample)}});
    auto const begin = std::chrono::steady_clock::now();
    auto const saved = std::move(loaded) | td::export_onnx() | td::save(result);
    std::chrono::duration<double> const all = std::chrono::steady_clock::now() - begin;
    std::cout << all.count() << ' ' << evaluations(saved.report()) << std::endl;
  }
}
