// The main job on a real model: a CNN trained on handwritten digits goes from float32 to int8, is pruned, compared with
// what it was, and saved. Prints accuracy, size and speed, before and after, and the report of every stage.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <limits>
#include <string>

#include <ATen/Parallel.h>

#include "digits.hpp"

namespace td = torchdeploy;

namespace {

template <class Call>
double milliseconds(Call const& call) {
  using clock = std::chrono::steady_clock;
  auto const begin = clock::now();
  for (int i = 0; i < 50; ++i) call();
  return std::chrono::duration<double, std::milli>(clock::now() - begin).count() / 50;
}

}  // namespace

int main(int count, char** arguments) try {
  std::filesystem::path const data = count > 1 ? arguments[1] : "examples/data";
  auto const out = std::filesystem::temp_directory_path() / "digits_int8.pt";
  auto const source = data / "digits_cnn.pt";
  at::set_num_threads(1);

  auto const images = read_images(data / "digits_test_images.u8");
  auto const labels = read_labels(data / "digits_test_labels.u8");
  auto const samples = in_batches(read_images(data / "digits_calibration_images.u8"), 16);
  auto const reference = td::load<td::TorchScript>(source);

  auto model = td::load<td::TorchScript>(source)  //
               | td::quantize<td::Int8>(samples)  //
               | td::prune<td::L1>(0.3)  //
               | td::verify(reference, {.per_layer = true})  //
               | td::save(out);
  auto const page = std::filesystem::path(out).replace_extension(".html");
  td::save_html(model.report(), page);
  std::cout << model.report() << '\n';

  auto const before = reference.clone() | td::freeze() | td::deploy<td::LibTorch>();
  auto const after = td::load<td::TorchScript>(out) | td::deploy<td::LibTorch>();

  // interleaved, the best of ten: the machine's other work falls on both
  auto slow = std::numeric_limits<double>::infinity(), fast = slow;
  for (int i = 0; i < 10; ++i) {
    slow = std::min(slow, milliseconds([&] { before(images); }));
    fast = std::min(fast, milliseconds([&] { after(images); }));
  }
  auto const kilobytes = [](auto const& path) { return static_cast<double>(std::filesystem::file_size(path)) / 1e3; };
  auto const line = [](char const* what, double was, double is, char const* unit) {
    std::printf("%-22s %9.2f -> %8.2f %s\n", what, was, is, unit);
  };
  line("accuracy (450 images)", accuracy(before, images, labels), accuracy(after, images, labels), "%");
  line("file", kilobytes(source), kilobytes(out), "kB");
  line("450 images, one thread", slow, fast, "ms");
  std::printf("written to %s, the report to %s\n", out.c_str(), page.c_str());
} catch (std::exception const& failure) {
  std::cerr << failure.what() << '\n';
  return 1;
}
