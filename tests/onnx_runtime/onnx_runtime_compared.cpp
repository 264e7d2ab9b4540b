// What ONNX Runtime runs, against what LibTorch runs.
#include <string>
#include <vector>

#include <torchdeploy/backend/libtorch.hpp>
#include <torchdeploy/backend/onnx_runtime.hpp>
#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/stage/verify.hpp>
#include <torchdeploy/verification/divergence_across.hpp>

#include "support/across_runtimes.hpp"

using test::broken, test::images, test::inputs_of, test::names_of, test::onnx_path, test::with_examples;

TEST_CASE("what ONNX Runtime runs is compared with what LibTorch runs") {
  for (std::string const name : {"digits_cnn", "onet", "two_outputs", "embedding_mlp"}) {
    CAPTURE(name);
    auto const model = with_examples(name, inputs_of(name));
    auto const session = td::load<td::Onnx>(onnx_path(name)) | td::deploy<td::OnnxRuntime>();
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
  auto verified = td::load<td::Onnx>(onnx_path("digits_cnn")) | td::verify(model);
  CHECK(verified.report().find("verify")->detail("samples") == "3");
  auto const int8 = td::compare(td::load<td::Onnx>(onnx_path("digits_cnn_int8")), model);
  CHECK(int8.passed);
  CHECK(int8.why == "default, as the file was quantized before");
  CHECK((model.clone() | td::verify(verified)).report().find("verify") != nullptr);
  CHECK_THROWS_AS(td::load<td::Onnx>(onnx_path("two_outputs")) | td::verify(model), td::verification_error);
}

TEST_CASE("the layer where ONNX Runtime leaves LibTorch is found") {
  auto const model = with_examples("digits_cnn", images());
  auto const exported = td::load<td::Onnx>(onnx_path("digits_cnn"));
  auto const same = td::first_divergence(td::on<td::OnnxRuntime>(exported), model);
  CAPTURE(same);
  CHECK_FALSE(same.diverged);
  CHECK(names_of(same.layers) == std::vector<std::string>{"features.0", "features.3", "classifier.1", "classifier.4"});
  auto const found = td::first_divergence(td::on<td::OnnxRuntime>(exported), broken(model, "classifier.1.bias"));
  CHECK(found.layer == "classifier.1");

  auto const net =
      td::load<td::TorchScript>(test::model_path("resnet18"), {.examples = test::noise({1, 3, 224, 224}, 1)});
  auto const residual = td::first_divergence(td::on<td::OnnxRuntime>(td::load<td::Onnx>(onnx_path("resnet18"))), net);
  CAPTURE(residual);
  CHECK_FALSE(residual.diverged);
  CHECK(names_of(residual.layers).size() >= 12);  // the exporter lost the names of some
}
