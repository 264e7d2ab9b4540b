#include <torchdeploy/stage/to_openvino.hpp>

#include <string>
#include <vector>

#include <torchdeploy/backend/openvino.hpp>

#include "support/models.hpp"

using tensors = std::vector<at::Tensor>;

TEST_CASE("to_openvino keeps what a model computes, from TorchScript and from ONNX") {
  auto const x = test::digits(5);
  auto const want = test::forward(test::load("digits_cnn").handle(), {x}).toTensor();
  auto const check = [&](auto artifact, double least_db) {
    auto const session = std::move(artifact) | td::deploy<td::OpenVino>({.threads = 1});
    CHECK(test::sqnr_db(want, session(x)) >= least_db);
  };
  auto const model = td::load<td::TorchScript>(test::model_path("digits_cnn"), {.examples = tensors{x}});
  auto whole = model.clone() | td::to_openvino();
  auto half = model.clone() | td::to_openvino({.compress_to_fp16 = true});
  CHECK(td::OpenVinoIr::bytes(half.handle()) * 2 < td::OpenVinoIr::bytes(whole.handle()) * 11 / 10);
  CHECK(whole.examples().size() == 1);
  CHECK(whole.report().stages().back().stage == "to_openvino");
  check(std::move(whole), 100);
  check(std::move(half), 60);
  check(td::load<td::Onnx>(std::filesystem::path(TORCHDEPLOY_MODELS "/onnx/digits_cnn.onnx")) | td::to_openvino(), 100);
}

TEST_CASE("to_openvino says what it can't do") {
  auto const refused = [](auto const& call) {
    try {
      (void)call();
    } catch (td::error const& failure) {
      return failure.code();
    }
    return td::errc{};
  };
  auto const load = [] {
    return td::load<td::TorchScript>(test::model_path("digits_cnn"), {.examples = tensors{test::digits(2)}});
  };
  CHECK(refused([&] { return load() | td::to_openvino({.method = "encode"}); }) == td::errc::method_missing);
  auto const module = test::scripted("def forward(self, x):\n    return torch.digamma(x)");
  CHECK(refused([&] {
          return td::evaluate(module, {.examples = tensors{at::ones({1, 64})}}) | td::to_openvino();
        }) == td::errc::conversion_failed);
}
