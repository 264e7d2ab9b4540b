// What quantization brings on real models, in one run: frozen float32 and int8 take turns, call by call, on one thread,
// and the medians are compared; file sizes beside them.
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <ATen/Parallel.h>

#include <torchdeploy/torchdeploy.hpp>

#include "interleaved.hpp"

namespace td = torchdeploy;
namespace fs = std::filesystem;

namespace {

/// Images with structure, not noise: smooth over neighbours, as a camera's are.
std::vector<at::Tensor> images(at::IntArrayRef shape, int count) {
  std::vector<at::Tensor> all;
  for (int i = 0; i < count; ++i) all.push_back(at::avg_pool2d(at::randn(shape), 5, 1, 2).mul(4));
  return all;
}

template <class Engine>
void compare_speed(std::string const& name, fs::path const& source, at::IntArrayRef shape, int calls) {
  auto const samples = images(shape, 8);
  auto const folder = fs::temp_directory_path();
  auto const float_file = folder / "bench_float.pt", int8_file = folder / "bench_int8.pt";
  auto const plain =
      td::load<td::TorchScript>(source) | td::freeze() | td::save(float_file) | td::deploy<td::LibTorch>();
  auto const small = td::load<td::TorchScript>(source) | td::quantize<td::Int8, Engine>(samples) | td::save(int8_file) |
                     td::deploy<td::LibTorch>();
  std::vector<td::example> inputs;
  for (auto const& each : samples) inputs.push_back({each});
  auto const call = [&](auto const& session, int i) {
    session.run(inputs[static_cast<std::size_t>(i) % inputs.size()]);
  };
  for (int i = 0; i < 10; ++i) call(plain, i), call(small, i);
  std::vector<double> slow, fast;
  for (int i = 0; i < calls; ++i) {
    slow.push_back(seconds([&] { call(plain, i); }));
    fast.push_back(seconds([&] { call(small, i); }));
  }
  auto const ratio = static_cast<double>(fs::file_size(source)) / static_cast<double>(fs::file_size(int8_file));
  std::printf("%-14s %-8s float %8.3f ms  int8 %8.3f ms  %5.2fx faster  file %5.2fx smaller\n", name.c_str(),
              std::string(Engine::name).c_str(), median(slow) * 1e3, median(fast) * 1e3, median(slow) / median(fast),
              ratio);
}

template <class Engine>
void all_models() {
  compare_speed<Engine>("resnet18", TORCHDEPLOY_MODELS "/resnet18.pt", {1, 3, 224, 224}, 60);
  compare_speed<Engine>("mobilenet_v2", TORCHDEPLOY_MODELS "/mobilenet_v2.pt", {1, 3, 224, 224}, 60);
  compare_speed<Engine>("onet", TORCHDEPLOY_MODELS "/onet.pt", {8, 3, 48, 48}, 200);
  compare_speed<Engine>("digits_cnn", TORCHDEPLOY_TEST_DATA "/digits_cnn.pt", {64, 1, 8, 8}, 300);
}

}  // namespace

int main() {
  at::set_num_threads(1);
  td::quiet = true;
  all_models<td::X86>();
  all_models<td::Onednn>();
  all_models<td::Fbgemm>();
}
