// Quantized models run in OpenVINO's own int8 kernels, and say what they say in LibTorch's.
#include <torchdeploy/openvino/quantized.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/stage/prune.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/save.hpp>

#include "support/images.hpp"
#include "support/models.hpp"
#include "support/openvino.hpp"

namespace {

using shape = std::vector<std::int64_t>;

/// Layers that the compiled model computes with int8 numbers: what its weights are stored as does not count.
std::size_t executed_in_int8(ov::CompiledModel const& model) {
  std::size_t count = 0;
  for (auto const& node : model.get_runtime_model()->get_ordered_ops()) {
    auto const& facts = node->get_rt_info();
    auto const fact = [&](char const* name) { return facts.at(name).as<std::string>(); };
    auto const type = fact("layerType"), precision = fact("runtimePrecision");
    bool const layer = type == "Convolution" || type == "FullyConnected" || type == "Deconvolution";
    bool const stored = precision == "u8" || precision == "i8";
    bool const int8 = stored && !fact("primitiveType").ends_with("f32");
    if (layer && !int8) UNSCOPED_INFO("float: " << type << " " << fact("originalLayersNames"));
    count += layer && int8;
  }
  return count;
}

template <class Model>
std::size_t int8_in_report(Model const& model) {
  std::size_t count = 0;
  for (auto const& each : model.report().find("quantize")->layers) count += each.precision == "int8";
  return count;
}

/// The least SQNR over all results.
double least_db(std::vector<at::Tensor> const& signal, std::vector<at::Tensor> const& got) {
  REQUIRE(signal.size() == got.size());
  double least = 1e3;
  for (std::size_t i = 0; i < signal.size(); ++i) {
    REQUIRE(signal[i].sizes() == got[i].sizes());
    if (!at::equal(signal[i], got[i])) least = std::min(least, test::sqnr_db(signal[i], got[i]));
  }
  return least;
}

shape with_batch(std::int64_t batch, shape sizes) {
  sizes.insert(sizes.begin(), batch);
  return sizes;
}

/// OpenVINO, from what `quantize` leaves and from what `save` writes, is as near to the float model as LibTorch's int8.
template <class Model>
void as_near_as_libtorch(torch::jit::Module const& reference, Model const& model, shape const& sizes,
                         std::vector<std::int64_t> const& batches, double margin_db = 1) {
  auto const lowered = td::TorchScript::leaving(model.handle(), model.record());
  std::vector<td::example> const examples{{test::noise(with_batch(2, sizes), 1).front()}};
  auto compiled = test::compiled(model.handle(), examples);
  auto from_file = test::compiled(lowered, examples);
  CHECK(executed_in_int8(compiled) == int8_in_report(model));
  CHECK(executed_in_int8(from_file) == int8_in_report(model));
  for (auto const batch : batches) {
    td::example const inputs{test::noise(with_batch(batch, sizes), 1, 100).front()};
    auto const wanted = test::flat(test::forward(reference, inputs));
    auto const libtorch_db = least_db(wanted, test::flat(test::forward(lowered, inputs)));
    auto const openvino_db = least_db(wanted, test::run(compiled, inputs));
    INFO("batch " << batch << ": LibTorch's int8 " << libtorch_db << " dB, OpenVINO's " << openvino_db << " dB");
    CHECK(openvino_db >= libtorch_db - margin_db);
    CHECK(least_db(wanted, test::run(from_file, inputs)) >= libtorch_db - margin_db);
  }
}

}  // namespace

TEST_CASE("a quantized model runs in OpenVINO's int8 kernels, as exact as in LibTorch's") {
  auto const [name, sizes] = GENERATE(table<std::string, shape>({{"rnet", {3, 24, 24}},
                                                                 {"onet", {3, 48, 48}},
                                                                 {"two_outputs", {16}},
                                                                 {"resnet18", {3, 64, 64}},
                                                                 {"mobilenet_v2", {3, 64, 64}},
                                                                 {"int8/joins", {3, 16, 16}},
                                                                 {"int8/wide_mlp", {512}},
                                                                 {"int8/encoder", {128, 384}}}));
  INFO(name);
  auto model = test::load(name);
  auto const reference = model.clone().handle();
  auto const samples = test::noise(with_batch(4, sizes), 4, 7);
  auto const quantized = std::move(model) | td::quantize<td::Int8>(samples, {.progress = false});
  as_near_as_libtorch(reference, quantized, sizes, {1, 5, 8});
}

// Eight bits leave some models less than 30 dB, in LibTorch's int8 too.
TEST_CASE(
    "int8 in OpenVINO is 30 dB near the float model in every result, at any batch, or as near as LibTorch's own") {
  auto const check = [](std::string const& name, at::Tensor const& inputs, at::Tensor const& samples) {
    auto const path =
        name == "encoder" ? std::filesystem::path(TORCHDEPLOY_MODELS "/onnx/encoder.pt") : test::model_path(name);
    auto const quantized =
        td::load<td::TorchScript>(path) | td::quantize<td::Int8>(samples.split(4), {.progress = false});
    auto compiled = test::compiled(quantized.handle(), {{inputs.narrow(0, 0, 2)}});
    auto const reference = td::load<td::TorchScript>(path);
    auto const lowered = td::TorchScript::leaving(quantized.handle(), quantized.record());
    for (std::int64_t const batch : {1, 5, 8}) {
      td::example const x{inputs.narrow(0, 0, batch)};
      auto const wanted = test::flat(test::forward(reference.handle(), x)), got = test::run(compiled, x),
                 own = test::flat(test::forward(lowered, x));
      REQUIRE(wanted.size() == got.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        auto const own_db = test::sqnr_db(wanted[i], own[i]), db = test::sqnr_db(wanted[i], got[i]);
        INFO(name << ", result " << i << " at batch " << batch << ": " << db << " dB, LibTorch's " << own_db);
        CHECK(db >= (name == "digits_cnn" ? 30 : std::min(30.0, own_db - 1)));
      }
    }
  };
  auto const faces = test::faces(24, 48), photos = test::photos(24, 128);
  auto const words = at::randint(1000, {24, 128}, at::make_generator<at::CPUGeneratorImpl>(7), at::kLong);
  check("digits_cnn", test::digits(8), test::digits(96, "calibration"));
  check("onet", faces.narrow(0, 0, 8), faces.narrow(0, 8, 16));
  check("resnet18", photos.narrow(0, 0, 8), photos.narrow(0, 8, 16));
  check("mobilenet_v2", photos.narrow(0, 0, 8), photos.narrow(0, 8, 16));
  check("encoder", words.narrow(0, 0, 8), words.narrow(0, 8, 16));
}

TEMPLATE_TEST_CASE("weights of every engine and activations of either range are int8 in OpenVINO", "", td::X86,
                   td::Fbgemm, td::Onednn, td::Qnnpack) {
  auto const reduced = GENERATE(false, true);
  auto const samples = test::calibration_digits();
  auto const quantized = test::load("digits_cnn") |
                         td::quantize<td::Int8, TestType>(samples, {.reduce_range = reduced, .progress = false});
  auto compiled = test::compiled(quantized.handle(), {{samples.front()}});
  CHECK(executed_in_int8(compiled) == 4);
  td::example const inputs{test::digits(32)};
  auto const wanted = test::flat(test::forward(test::load("digits_cnn").handle(), inputs));
  CHECK(least_db(wanted, test::run(compiled, inputs)) > 30);
}

TEST_CASE("what an override keeps in float stays float in OpenVINO, and pruned weights are int8, too") {
  auto const samples = test::calibration_digits();
  auto const reference = test::load("digits_cnn").handle();
  auto const mixed = test::load("digits_cnn") |
                     td::quantize<td::Int8>(samples, {.overrides = {{"classifier.*", td::float32}}, .progress = false});
  CHECK(int8_in_report(mixed) == 2);
  as_near_as_libtorch(reference, mixed, {1, 8, 8}, {8});
  auto const pruned =
      test::load("digits_cnn") | td::quantize<td::Int8>(samples, {.progress = false}) | td::prune<td::L1>(0.3);
  as_near_as_libtorch(reference, pruned, {1, 8, 8}, {8});
}

TEST_CASE("dynamically quantized layers compute in float with int8 weights") {
  auto const quantized = test::load("mlp_scripted") | td::quantize<td::Int8>({.progress = false});
  td::example const inputs{test::noise({5, 16}, 1).front()};
  auto compiled = test::compiled(quantized.handle(), {inputs});
  CHECK(executed_in_int8(compiled) == 0);
  std::size_t stored_in_int8 = 0;
  for (auto const& node : compiled.get_runtime_model()->get_ordered_ops())
    stored_in_int8 += node->get_rt_info().at("layerType").as<std::string>() == "FullyConnected" &&
                      node->get_rt_info().at("runtimePrecision").as<std::string>() == "i8";
  CHECK(stored_in_int8 == int8_in_report(quantized));
  auto const wanted = test::flat(test::forward(test::load("mlp_scripted").handle(), inputs));
  auto const lowered = td::TorchScript::leaving(quantized.handle(), quantized.record());
  CHECK(least_db(wanted, test::run(compiled, inputs)) >= least_db(wanted, test::flat(test::forward(lowered, inputs))));
}

TEST_CASE("a model that Python quantized is int8 in OpenVINO") {
  auto const model = test::load("int8/eager_int8");
  td::example const inputs{test::noise({5, 3, 16, 16}, 1).front()};
  auto compiled = test::compiled(model.handle(), {inputs});
  CHECK(executed_in_int8(compiled) == 2);  // its second convolution shares its input with an addition and a cat
  CHECK(least_db(test::flat(test::forward(model.handle(), inputs)), test::run(compiled, inputs)) > 40);
}

TEST_CASE("an interpolation that a script chooses by rank converts, which LibTorch's own int8 refuses") {
  auto const samples = test::noise({4, 3, 8, 8}, 4);
  auto const quantized = test::load("int8/resized") | td::quantize<td::Int8>(samples, {.progress = false});
  auto compiled = test::compiled(quantized.handle(), {{samples.front()}});
  td::example const inputs{test::noise({2, 3, 8, 8}, 1, 100).front()};
  auto const wanted = test::flat(test::forward(test::load("int8/resized").handle(), inputs));
  CHECK(least_db(wanted, test::run(compiled, inputs)) > 30);
  CHECK(executed_in_int8(compiled) == 2);
}

TEST_CASE("what of a quantized model can't leave LibTorch is refused by name") {
  auto const returned = test::scripted(
      "def forward(self, x: Tensor) -> Tensor:\n"
      "    return torch.quantize_per_tensor(x, 0.1, 3, 13)");
  td::example const inputs{test::noise({2, 3}, 1).front()};
  auto const of_result = test::failure_of<td::backend_error>([&] { test::compiled(returned, {inputs}); });
  CHECK(of_result.code == td::errc::conversion_failed);
  CHECK(of_result.text.find("int8") != std::string::npos);

  auto const looped = test::scripted(
      "def forward(self, x: Tensor) -> Tensor:\n"
      "    q = torch.quantize_per_tensor(x, 0.1, 3, 13)\n"
      "    while bool(torch.max(x) > 3):\n"
      "        q = torch.relu(q)\n"
      "        x = x - 1\n"
      "    return torch.dequantize(q)");
  auto const of_loop = test::failure_of<td::backend_error>([&] { test::compiled(looped, {inputs}); });
  CHECK(of_loop.code == td::errc::conversion_failed);
  CHECK(of_loop.text.find("loop") != std::string::npos);
}
