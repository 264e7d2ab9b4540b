// What OpenVINO runs, against what LibTorch and ONNX Runtime run.
#include <string>
#include <vector>

#include <torchdeploy/backend/libtorch.hpp>
#include <torchdeploy/backend/onnx_runtime.hpp>
#include <torchdeploy/backend/openvino.hpp>
#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/stage/verify.hpp>
#include <torchdeploy/verification/divergence_across.hpp>

#include "support/across_runtimes.hpp"

using test::broken, test::images, test::inputs_of, test::names_of, test::onnx_path, test::with_examples;

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

#ifdef TORCHDEPLOY_WITH_ONNXRUNTIME
TEST_CASE("two runtimes are compared with each other, by layer too") {
  auto const model = with_examples("digits_cnn", images());
  auto const exported = td::load<td::Onnx>(onnx_path("digits_cnn"));
  auto const openvino = model.clone() | td::deploy<td::OpenVino>();
  auto const runtime = exported.clone() | td::deploy<td::OnnxRuntime>();
  CHECK(td::compare(openvino, runtime, {.samples = images(), .sqnr_db = 100}).passed);
  CHECK(td::compare(runtime, exported.clone() | td::deploy<td::OpenVino>(), {.samples = images(), .sqnr_db = 100})
            .passed);
  auto const found = td::first_divergence(td::on<td::OpenVino>(model), td::on<td::OnnxRuntime>(exported),
                                          {.samples = images(), .sqnr_db = 100});
  CAPTURE(found);
  CHECK_FALSE(found.diverged);
  CHECK(names_of(found.layers).size() == 4);
  auto const onnx_in_openvino = td::first_divergence(td::on<td::OpenVino>(exported), model, {.samples = images()});
  CAPTURE(onnx_in_openvino);
  CHECK_FALSE(onnx_in_openvino.diverged);
  CHECK(names_of(onnx_in_openvino.layers).size() == 4);
}
#endif
