// Our side of compare.py: for each line of standard input, "MODEL SAMPLES OBSERVER", one quantization; answers with its
// seconds, of all and of running the samples alone.
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <ranges>
#include <sstream>
#include <string>
#include <vector>

#include <ATen/Parallel.h>

#include <torchdeploy/detail/libtorch/pickle.hpp>
#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::vector<at::Tensor> tensors_in(std::string const& path) {
  std::ifstream in(path, std::ios::binary);
  auto const list = torch::jit::pickle_load({std::istreambuf_iterator<char>(in), {}});
  std::vector<at::Tensor> all;
  for (auto const& each : list.toListRef()) all.push_back(each.toTensor());
  return all;
}

template <class Observer>
void quantize(std::string const& path, std::vector<at::Tensor> const& samples) {
  auto const model = td::load<td::TorchScript>(path);
  std::vector<double> asked;  // whenever the stage asks whether there is another sample
  auto const more = [&](std::size_t i) {
    asked.push_back(now());
    return i < samples.size();
  };
  auto const timed = std::views::iota(std::size_t{0}) | std::views::take_while(more) |
                     std::views::transform([&](std::size_t i) { return samples[i]; });
  auto const begin = now();
  auto const result = model.clone() | td::quantize<td::Int8, Observer>(timed, {.reduce_range = true}) | td::freeze();
  std::cout << now() - begin << ' ' << asked.back() - asked.front() << std::endl;
}

}  // namespace

int main() {
  at::set_num_threads(1);
  td::quiet = true;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string model, file, observer;
    words >> model >> file >> observer;
    auto const samples = tensors_in(file);
    if (observer == "minmax") quantize<td::MinMax>(model, samples);
    if (observer == "moving_average") quantize<td::MovingAverage>(model, samples);
    if (observer == "histogram") quantize<td::Histogram>(model, samples);
    if (observer == "percentile") quantize<td::Percentile<99.99>>(model, samples);
  }
}
