#include <torchdeploy/quantization/lowering.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include <ATen/native/quantized/PackedParams.h>

#include <torchdeploy/stage/prune.hpp>
#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"

namespace {

/// The int8 weights that a lowered module has packed.
std::vector<at::Tensor> packed_weights(torch::jit::Module const& lowered) {
  std::vector<at::Tensor> all;
  auto const look = [&](c10::IValue const& value) {
    if (!value.isCustomClass()) return;
    if (auto const name = value.type()->str(); name.find("Conv2dPackedParamsBase") != name.npos)
      all.push_back(std::get<0>(value.toCustomClass<ConvPackedParamsBase<2>>()->unpack()));
    else if (name.find("LinearPackedParamsBase") != name.npos)
      all.push_back(std::get<0>(value.toCustomClass<LinearPackedParamsBase>()->unpack()));
  };
  for (auto const& each : lowered.attributes(true)) look(each);
  td::detail::for_each_node(*lowered.get_method("forward").graph(), [&](torch::jit::Node* node) {
    if (node->kind() == c10::prim::Constant && node->hasAttribute(c10::attr::value) &&
        node->kindOf(c10::attr::value) == torch::jit::AttributeKind::ival)
      look(node->ival(c10::attr::value));
  });
  return all;
}

td::reference_form const dynamic_x86{at::QEngine::X86, torch::jit::QuantType::DYNAMIC};

}  // namespace

TEST_CASE("lowering packs the weights in int8, and leaves the reference form as it was") {
  auto const model = test::load("digits_cnn") | td::quantize<td::Int8>(test::calibration_digits());
  auto const before = model.handle().get_method("forward").graph()->toString();
  auto const lowered = td::TorchScript::leaving(model.handle(), model.record());
  auto const weights = packed_weights(lowered);
  CHECK(weights.size() == test::int8_layers(lowered));
  for (auto const& each : weights) CHECK(each.scalar_type() == at::kQInt8);
  CHECK(lowered.parameters().size() == 0);
  CHECK(model.handle().get_method("forward").graph()->toString() == before);
  CHECK(packed_weights(model.handle()).empty());
}

TEST_CASE("what was pruned is zero in int8") {
  auto const model =
      test::load("digits_cnn") | td::quantize<td::Int8>(test::calibration_digits()) | td::prune<td::L1>(0.6);
  auto const weights = packed_weights(td::TorchScript::leaving(model.handle(), model.record()));
  REQUIRE(weights.size() > 2);
  for (auto const& each : weights) {
    auto const zeros = (each.int_repr() == 0).sum().item<std::int64_t>();
    CHECK(static_cast<double>(zeros) >= 0.6 * static_cast<double>(each.numel()) - 1);
  }
}

TEST_CASE("a reference form can be lowered as often as one likes") {
  auto const model = test::load("mlp_scripted") | td::quantize<td::Int8>(test::noise({2, 16}));
  auto const x = test::noise({2, 16}, 1, 9)[0];
  auto const first = td::TorchScript::leaving(model.handle(), model.record());
  auto const second = td::TorchScript::leaving(model.handle(), model.record());
  CHECK(test::same_bits(test::forward(first, {x}), test::forward(second, {x})));
}

TEST_CASE("exported methods are those a user may call: not forward, not what forward alone uses") {
  auto const names = [](torch::jit::Module const& module) {
    auto all = td::detail::exported_methods(module);
    std::sort(all.begin(), all.end());
    return all;
  };
  CHECK(names(test::load("exported_methods").handle()) == std::vector<std::string>{"encode", "reset_states"});
  CHECK(names(test::load("digits_cnn").handle()).empty());
  CHECK(names(test::scripted("def _inner(self, x): return x + 1\n"
                             "def _kept(self, x): return x + 2\n"
                             "def shared(self, x): return x + 3\n"
                             "def forward(self, x): return self._inner(x) + self.shared(x)\n")) ==
        std::vector<std::string>{"_kept", "shared"});
}

TEST_CASE("lowering keeps the methods it is told to keep") {
  auto const model = test::load("exported_methods") | td::quantize<td::Int8>(test::noise({1, 16}));
  CHECK(td::detail::lowered(model.handle(), *model.record().extras.reference, {"encode"}).find_method("encode"));
  CHECK_FALSE(td::detail::lowered(model.handle(), *model.record().extras.reference, {}).find_method("encode"));
}

TEST_CASE("lowering what is no module to be lowered is an error of ours") {
  auto const module = test::scripted("def encode(self, x): return x");
  auto const failure = test::failure_of<td::quantization_error>([&] { td::detail::lowered(module, dynamic_x86, {}); });
  CHECK(failure.code == td::errc::lowering_failed);
  CHECK_FALSE(failure.nested.empty());
}
