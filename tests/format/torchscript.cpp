#include <torchdeploy/format/torchscript.hpp>

#include <sstream>
#include <string>
#include <utility>

#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/prune.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/save.hpp>

#include "support/models.hpp"

TEST_CASE("a clone is deep: no weight, no state and no graph is shared") {
  auto const original = test::load("exported_methods");
  auto copy = original.clone();
  auto const x = at::randn({1, 16});
  auto const first = test::forward(original.clone().handle(), {x}).toTensor().clone();
  for (int i = 0; i < 3; ++i) test::forward(copy.handle(), {x});
  CHECK(test::same_bits(test::forward(original.handle(), {x}), first));
  at::NoGradGuard const no_grad;
  for (auto const& each : copy.handle().parameters()) each.zero_();
  for (auto const& each : original.handle().parameters()) CHECK(each.count_nonzero().item<std::int64_t>() > 0);
}

TEST_CASE("a handle copies by aliasing, which is why artifacts move") {
  auto const model = test::load("mlp_scripted");
  auto const alias = model.handle();
  CHECK(alias._ivalue() == model.handle()._ivalue());
  CHECK_FALSE(std::is_copy_constructible_v<decltype(test::load(""))>);
}

TEST_CASE("a clone of a quantized artifact can be pruned and lowered by itself") {
  auto const quantized = test::load("digits_cnn") | td::quantize<td::Int8>(test::calibration_digits());
  auto const images = test::digits(8);
  auto const before = (quantized.clone() | td::deploy<td::LibTorch>())(images);
  auto const pruned = quantized.clone() | td::prune<td::L1>(0.7) | td::deploy<td::LibTorch>();
  CHECK(test::same_bits((quantized.clone() | td::deploy<td::LibTorch>())(images), before));
  CHECK_FALSE(test::same_bits(pruned(images), before));
}

TEST_CASE("bytes are those of weights and buffers, what is shared counted once") {
  CHECK(td::TorchScript::bytes(test::load("mlp_scripted").handle()) ==
        (16 * 64 + 64 + 64 * 64 + 64 + 64 * 4 + 4) * sizeof(float));
  CHECK(td::TorchScript::bytes(test::load("shared_weights").handle()) == (16 * 16 + 16 + 16 * 4 + 4) * sizeof(float));
  CHECK(td::TorchScript::bytes(test::load("one_op").handle()) == 0);
}

TEST_CASE("bytes of a frozen model are those of its constants") {
  auto const before = td::TorchScript::bytes(test::load("mlp_scripted").handle());
  auto copy = test::load("mlp_scripted").handle().clone();
  CHECK(td::TorchScript::bytes(torch::jit::freeze(copy)) == before);
}

TEST_CASE("what leaves is the module itself, or its lowered form when it was quantized") {
  auto const plain = test::load("mlp_scripted");
  CHECK(td::TorchScript::leaving(plain.handle(), plain.record())._ivalue() == plain.handle()._ivalue());
  auto const quantized = plain.clone() | td::quantize<td::Int8>();
  CHECK(test::int8_layers(quantized.handle()) == 0);
  CHECK(test::int8_layers(td::TorchScript::leaving(quantized.handle(), quantized.record())) == 3);
}

TEST_CASE("the reference form has float weights and runs") {
  auto const quantized = test::load("digits_cnn") | td::quantize<td::Int8>(test::calibration_digits());
  CHECK(quantized.handle().parameters().size() > 0);
  auto const images = test::digits(32);
  auto const reference = test::forward(quantized.handle(), {images}).toTensor();
  auto const lowered = (quantized.clone() | td::deploy<td::LibTorch>())(images);
  CHECK(test::sqnr_db(reference, lowered) > 30);
}

TEST_CASE("a model can be written to a stream") {
  auto const model = test::load("onet");
  std::stringstream stream;
  td::TorchScript::write(model.handle(), model.record(), stream);
  auto const input = at::ones({1, 3, 48, 48});
  CHECK(test::same_bits(test::forward(torch::jit::load(stream), {input}), test::forward(model.handle(), {input})));
}

TEST_CASE("a recipe without load takes a module, and leaves the caller's as it is") {
  auto const mine = torch::jit::load(test::model_path("mlp_scripted").string());
  auto const recipe = td::quantize<td::Int8>() | td::deploy<td::LibTorch>();
  auto const session = recipe(mine);
  CHECK(test::int8_layers(mine) == 0);
  CHECK(session.report().stages().at(0).stage == "evaluate");
  auto const x = test::noise({2, 16})[0];
  CHECK(test::sqnr_db(test::forward(mine, {x}).toTensor(), session(x)) > 20);
}

TEST_CASE("weights that are tied stay tied in copies, frozen files and int8 files") {
  torch::jit::Module module("Tied");
  auto const weight = test::noise({64, 64}).at(0);
  for (auto const* name : {"encoder", "decoder"}) {
    torch::jit::Module part(name);
    part.register_parameter("weight", weight, false);
    module.register_module(name, part);
  }
  module.define(
      "def forward(self, x):\n  return torch.linear(torch.relu(torch.linear(x, self.encoder.weight)), "
      "self.decoder.weight)\n");
  auto const one = td::TorchScript::bytes(module);
  CHECK(one == weight.nbytes());
  auto model = td::evaluate(module);
  CHECK(td::TorchScript::bytes(model.handle()) == one);
  auto const copy = model.clone();
  CHECK(td::TorchScript::bytes(copy.handle()) == one);
  CHECK(copy.handle().attr("encoder").toModule().attr("weight").toTensor().is_same(
      copy.handle().attr("decoder").toModule().attr("weight").toTensor()));
  CHECK_FALSE(copy.handle().attr("encoder").toModule().attr("weight").toTensor().is_alias_of(weight));

  test::temporary_folder const folder;
  copy.clone() | td::freeze() | td::save(folder / "frozen.pt");
  CHECK(std::filesystem::file_size(folder / "frozen.pt") < 2 * one);
}
