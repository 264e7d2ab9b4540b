// Verification of what OpenVINO and ONNX Runtime run, against LibTorch.
#include <torchdeploy/stage/verify.hpp>
#include <torchdeploy/verification/divergence_across.hpp>

#include <string>
#include <vector>

#include <torchdeploy/backend/libtorch.hpp>
#include <torchdeploy/backend/onnx_runtime.hpp>
#include <torchdeploy/backend/openvino.hpp>
#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"

namespace {

auto with_examples(std::string const& name, td::samples inputs) {
  return td::load<td::TorchScript>(test::model_path(name), {.examples = std::move(inputs)});
}
[[maybe_unused]] std::string onnx(std::string const& name) { return TORCHDEPLOY_MODELS "/onnx/" + name + ".onnx"; }
[[maybe_unused]] std::vector<at::Tensor> images() { return test::digits(12).split(4); }

[[maybe_unused]] td::samples inputs_of(std::string const& name) {
  if (name == "digits_cnn") return images();
  if (name == "onet") return test::noise({2, 3, 48, 48}, 2);
  if (name == "embedding_mlp") return std::vector{at::randint(0, 50, {2, 6}), at::randint(0, 50, {2, 6})};
  return test::noise({2, 16}, 3);
}

/// One value of one layer is wrong.
template <class A>
A broken(A const& model, std::string const& parameter) {
  auto copy = model.clone();
  auto const parameters = copy.handle().named_parameters();
  for (auto const& each : parameters)
    if (each.name == parameter) {
      at::NoGradGuard const no_grad;
      each.value.view(-1)[1] += 0.5;
    }
  return copy;
}

[[maybe_unused]] std::vector<std::string> names_of(std::vector<td::layer_score> const& layers) {
  std::vector<std::string> all;
  for (auto const& each : layers)
    if (each.kind != "output") all.push_back(each.name);
  return all;
}

}  // namespace

TEST_CASE("ONNX artifacts can be verified where a runtime for them is there") {
  CHECK(td::runs<td::Onnx> == (td::available<td::OnnxRuntime> || td::available<td::OpenVino>));
}

#ifdef TORCHDEPLOY_WITH_OPENVINO
TEST_CASE("what OpenVINO runs is compared with what LibTorch runs") {
  for (std::string const name : {"digits_cnn", "onet", "two_outputs", "dict_output", "embedding_mlp"}) {
    CAPTURE(name);
    auto const model = with_examples(name, inputs_of(name));
    auto const session = model.clone() | td::deploy<td::OpenVino>();
    auto const result = td::compare(session, model);
    CAPTURE(result);
    CHECK(result.passed);
    CHECK(result.why == "default, as two runtimes sum in different orders");
    for (auto const& each : result.outputs) CHECK(each.sqnr_db >= 100);
    CHECK(result.batch.has_value());
    CHECK(td::verify(session, model, {.sqnr_db = 100}).passed);
    CHECK((model.clone() | td::verify(session)).report().find("verify")->detail("reference") == "a session");
  }
}

TEST_CASE("OpenVINO's precision decides what is expected of it") {
  auto const model = with_examples("digits_cnn", images());
  auto const session = model.clone() | td::deploy<td::OpenVino>({.precision = at::kBFloat16});
  auto const result = td::compare(session, model);
  CAPTURE(result, td::to_text(session.report()));
  CHECK(result.passed);
  CHECK((result.criteria.at(0).wanted == "sqnr >= 30 dB" || result.outputs.at(0).sqnr_db > 80));  // no bf16 on this CPU
}

TEST_CASE("the layer where OpenVINO leaves LibTorch is found") {
  auto const model = with_examples("digits_cnn", images());
  auto const layers = std::vector<std::string>{"features.0", "features.3", "classifier.1", "classifier.4"};
  auto const same = td::first_divergence(td::on<td::OpenVino>(model), model);
  CAPTURE(same);
  CHECK_FALSE(same.diverged);
  CHECK(names_of(same.layers) == layers);
  CHECK(same.layers.at(0).precision == "f32");

  auto const wrong = broken(model, "classifier.1.bias");
  auto const found = td::first_divergence(td::on<td::OpenVino>(wrong), model);
  CHECK(found.layer == "classifier.1");
  CHECK(found.worst.index.back() == 1);
  CHECK(td::first_divergence(model, td::on<td::OpenVino>(wrong)).layer == "classifier.1");
  CHECK(td::first_divergence(td::on<td::OpenVino>(broken(model, "features.4.bias")), model).layer == "features.3");

  auto const frozen = model.clone() | td::freeze();
  CHECK(names_of(td::first_divergence(td::on<td::OpenVino>(frozen), model).layers) == layers);

  auto const low = td::first_divergence(td::on<td::OpenVino>(model, {.precision = at::kBFloat16}), model);
  CAPTURE(low);
  CHECK_FALSE(low.diverged);
}

TEST_CASE("layers of larger models, in branches of a residual net and of an encoder, keep their names in OpenVINO") {
  auto const net =
      td::load<td::TorchScript>(test::model_path("resnet18"), {.examples = test::noise({1, 3, 64, 64}, 1)});
  auto const found = td::first_divergence(td::on<td::OpenVino>(net), net);
  CAPTURE(found);
  CHECK(names_of(found.layers).size() == 21);
  CHECK_FALSE(found.diverged);

  auto const encoder = td::load<td::TorchScript>(TORCHDEPLOY_MODELS "/onnx/encoder.pt",
                                                 {.examples = std::vector{at::randint(0, 1000, {2, 128})}});
  auto const words = td::first_divergence(td::on<td::OpenVino>(encoder), encoder);
  CAPTURE(words);
  CHECK(names_of(words.layers).size() > 20);
  CHECK_FALSE(words.diverged);
}
#endif

#ifdef TORCHDEPLOY_WITH_ONNXRUNTIME
TEST_CASE("what ONNX Runtime runs is compared with what LibTorch runs") {
  for (std::string const name : {"digits_cnn", "onet", "two_outputs", "embedding_mlp"}) {
    CAPTURE(name);
    auto const model = with_examples(name, inputs_of(name));
    auto const session = td::load<td::Onnx>(onnx(name)) | td::deploy<td::OnnxRuntime>();
    auto const result = td::compare(session, model);
    CAPTURE(result);
    CHECK(result.passed);
    CHECK(result.samples == model.examples().size());
    for (auto const& each : result.outputs) CHECK(each.sqnr_db >= 100);
  }
}

TEST_CASE("an ONNX artifact is verified by the runtime that is there") {
  static_assert(td::runs<td::Onnx>);
  auto const model = with_examples("digits_cnn", images());
  auto verified = td::load<td::Onnx>(onnx("digits_cnn")) | td::verify(model);
  CHECK(verified.report().find("verify")->detail("samples") == "3");
  auto const int8 = td::compare(td::load<td::Onnx>(onnx("digits_cnn_int8")), model);
  CHECK(int8.passed);
  CHECK(int8.why == "default, as the file was quantized before");
  CHECK((model.clone() | td::verify(verified)).report().find("verify") != nullptr);
  CHECK_THROWS_AS(td::load<td::Onnx>(onnx("two_outputs")) | td::verify(model), td::verification_error);
}

TEST_CASE("the layer where ONNX Runtime leaves LibTorch is found") {
  auto const model = with_examples("digits_cnn", images());
  auto const exported = td::load<td::Onnx>(onnx("digits_cnn"));
  auto const same = td::first_divergence(td::on<td::OnnxRuntime>(exported), model);
  CAPTURE(same);
  CHECK_FALSE(same.diverged);
  CHECK(names_of(same.layers) == std::vector<std::string>{"features.0", "features.3", "classifier.1", "classifier.4"});
  auto const found = td::first_divergence(td::on<td::OnnxRuntime>(exported), broken(model, "classifier.1.bias"));
  CHECK(found.layer == "classifier.1");

  auto const net =
      td::load<td::TorchScript>(test::model_path("resnet18"), {.examples = test::noise({1, 3, 224, 224}, 1)});
  auto const residual = td::first_divergence(td::on<td::OnnxRuntime>(td::load<td::Onnx>(onnx("resnet18"))), net);
  CAPTURE(residual);
  CHECK_FALSE(residual.diverged);
  CHECK(names_of(residual.layers).size() >= 12);  // the exporter lost the names of some
}
#endif

#if defined(TORCHDEPLOY_WITH_OPENVINO) && defined(TORCHDEPLOY_WITH_ONNXRUNTIME)
TEST_CASE("two runtimes are compared with each other, by layer too") {
  auto const model = with_examples("digits_cnn", images());
  auto const exported = td::load<td::Onnx>(onnx("digits_cnn"));
  auto const openvino = model.clone() | td::deploy<td::OpenVino>();
  auto const runtime = exported.clone() | td::deploy<td::OnnxRuntime>();
  CHECK(td::compare(openvino, runtime, {.samples = images(), .sqnr_db = 100}).passed);
  CHECK(td::compare(runtime, exported.clone() | td::deploy<td::OpenVino>(), {.samples = images(), .sqnr_db = 100})
            .passed);
  auto const found =
      td::first_divergence(td::on<td::OpenVino>(model), td::on<td::OnnxRuntime>(exported), images(), {.sqnr_db = 100});
  CAPTURE(found);
  CHECK_FALSE(found.diverged);
  CHECK(names_of(found.layers).size() == 4);
  auto const onnx_in_openvino = td::first_divergence(td::on<td::OpenVino>(exported), model, images());
  CAPTURE(onnx_in_openvino);
  CHECK_FALSE(onnx_in_openvino.diverged);
  CHECK(names_of(onnx_in_openvino.layers).size() == 4);
}
#endif
