// An int8 artifact that went through a file runs in OpenVINO as the one that did not.
#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include <torchdeploy/backend/libtorch.hpp>
#include <torchdeploy/backend/openvino.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/save.hpp>
#include <torchdeploy/verification/divergence_across.hpp>

#include "support/models.hpp"

namespace {

using shape = std::vector<std::int64_t>;

std::size_t int8_layers(std::vector<td::executed_layer> const& all) {
  return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](td::executed_layer const& each) {
    bool const layer = each.kind == "Convolution" || each.kind == "FullyConnected" || each.kind == "Deconvolution";
    return layer && (each.precision == "u8" || each.precision == "i8") && !each.kernel.ends_with("f32");
  }));
}

struct saved_model {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("saved_int8_" + std::to_string(::getpid()));
  ~saved_model() { std::filesystem::remove(path); }
};

}  // namespace

TEST_CASE("an int8 file runs in OpenVINO's int8 kernels, as near to LibTorch's int8 as what was saved") {
  auto const [name, sizes] = GENERATE(table<std::string, shape>({{"mlp_scripted", {4, 16}},
                                                                 {"digits_cnn", {4, 1, 8, 8}},
                                                                 {"resnet18", {2, 3, 64, 64}},
                                                                 {"mobilenet_v2", {2, 3, 64, 64}}}));
  DYNAMIC_SECTION(name) {
    saved_model const file;
    auto const samples = name == "digits_cnn" ? test::calibration_digits() : test::noise(sizes, 4, 7);
    auto const quantized = test::load(name) | td::quantize<td::Int8>(samples, {.progress = false});
    std::size_t asked = 0;
    for (auto const& each : quantized.report().find("quantize")->layers) asked += each.precision == "int8";
    auto copy = quantized.clone();
    std::move(copy) | td::save(file.path);

    auto const load = [&] {
      return td::load<td::TorchScript>(file.path, {.examples = std::vector<at::Tensor>{samples.front()}});
    };
    auto const from_file = load() | td::deploy<td::OpenVino>({.threads = 1});
    auto const direct = quantized.clone() | td::deploy<td::OpenVino>({.threads = 1});
    auto const libtorch = load() | td::deploy<td::LibTorch>();
    auto const reference = test::load(name);
    CHECK(int8_layers(from_file.executable().layers()) == int8_layers(direct.executable().layers()));
    CHECK(int8_layers(from_file.executable().layers()) == asked);
    for (auto const batch : {1, 5}) {
      auto input = sizes;
      input[0] = batch;
      auto const x = name == "digits_cnn" ? test::digits(batch) : test::noise(input, 1, 100).front();
      auto const wanted = test::forward(reference.handle(), {x}).toTensor();
      auto const of_file = from_file(x), of_artifact = direct(x), of_libtorch = libtorch(x);
      INFO("batch " << batch << ", to float: LibTorch " << test::sqnr_db(wanted, of_libtorch) << " dB, OpenVINO "
                    << test::sqnr_db(wanted, of_artifact) << ", from the file " << test::sqnr_db(wanted, of_file));
      CHECK(test::sqnr_db(wanted, of_file) >= test::sqnr_db(wanted, of_libtorch) - 1);
      CHECK(test::sqnr_db(wanted, of_file) >= test::sqnr_db(wanted, of_artifact) - 0.5);
    }
  }
}

TEST_CASE("first_divergence looks at an int8 artifact in OpenVINO") {
  auto const samples = test::calibration_digits();
  auto const reference = test::load("digits_cnn");
  auto const quantized = test::load("digits_cnn") | td::quantize<td::Int8>(samples, {.progress = false});
  saved_model const file;
  auto copy = quantized.clone();
  std::move(copy) | td::save(file.path);
  std::vector<at::Tensor> const shown{samples.front()};
  auto const saved = td::load<td::TorchScript>(file.path, {.examples = shown});
  auto const found = td::first_divergence(td::on<td::OpenVino>(quantized), reference, {.samples = shown});
  CAPTURE(found);
  std::vector<std::string> names;
  for (auto const& each : found.layers)
    if (each.kind != "output") names.push_back(each.name);
  CHECK(names == std::vector<std::string>{"features.0", "features.3", "classifier.1", "classifier.4"});
  for (auto const& each : found.layers) CHECK(each.score.sqnr_db > 15);
  // lowering has taken their names from the layers of a file
  auto const of_file = test::failure_of<td::verification_error>(
      [&] { (void)td::first_divergence(td::on<td::OpenVino>(saved), reference, {.samples = shown}); });
  CHECK(of_file.code == td::errc::no_common_layer);
}
#endif
