#include <torchdeploy/stage/freeze.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/save.hpp>

#include "support/models.hpp"

namespace {

using test::failure_of;

std::vector<std::string> methods_of(torch::jit::Module const& module) {
  std::vector<std::string> names;
  for (auto const& each : module.get_methods()) names.push_back(each.name());
  std::sort(names.begin(), names.end());
  return names;
}

/// The probabilities of silero-vad for a stream of chunks.
std::vector<at::Tensor> stream_through(torch::jit::Module const& module, std::vector<at::Tensor> const& chunks) {
  std::vector<at::Tensor> all;
  for (auto const& chunk : chunks) all.push_back(test::forward(module, {chunk, 16000}).toTensor().clone());
  return all;
}

std::size_t count_of(torch::jit::Module const& module, std::string_view kind) {
  std::size_t count = 0;
  auto const graph = td::detail::settled_graph(module);
  td::detail::for_each_node(*graph, [&](torch::jit::Node* node) { count += node->kind().toQualString() == kind; });
  return count;
}

}  // namespace

TEST_CASE("freezing does not change what a model answers", "[zoo]") {
  for (auto const& each : test::reference("zoo").toGenericDict()) {
    auto const name = each.key().toStringRef();
    INFO(name);
    auto const model = test::load(name) | td::freeze();
    auto const inputs = test::list_at(each.value(), "inputs");
    auto const outputs = test::list_at(each.value(), "outputs");
    for (std::size_t i = 0; i < inputs.size(); ++i)
      CHECK(test::close(test::forward(model.handle(), {inputs[i]}), outputs[i]));
  }
}

TEST_CASE("freezing folds batch norm away and turns weights into constants") {
  auto const before = test::load("digits_cnn");
  REQUIRE(count_of(before.handle(), "aten::batch_norm") > 0);
  auto const model = before.clone() | td::freeze();
  CHECK(count_of(model.handle(), "aten::batch_norm") == 0);
  CHECK(model.handle().parameters().size() == 0);
  auto const* const entry = model.report().find("freeze");
  REQUIRE(entry);
  CHECK(entry->bytes_before > 0);
  CHECK(entry->bytes_after < entry->bytes_before);
  CHECK(entry->bytes_after > entry->bytes_before * 9 / 10);
}

TEST_CASE("freezing leaves the artifact's clone as it was") {
  auto const original = test::load("digits_cnn");
  auto const frozen = original.clone() | td::freeze();
  CHECK(original.handle().parameters().size() > 0);
  CHECK(count_of(original.handle(), "aten::batch_norm") > 0);
}

TEST_CASE("no exported method is lost by default") {
  auto const model = test::load("exported_methods") | td::freeze();
  CHECK(methods_of(model.handle()) == std::vector<std::string>{"encode", "forward", "reset_states"});
  auto const x = at::randn({1, 16});
  auto const plain = test::load("exported_methods").handle();
  CHECK(test::close(torch::jit::Module(model.handle()).run_method("encode", x),
                    torch::jit::Module(plain).run_method("encode", x)));
}

TEST_CASE("reset_states of a frozen model forgets the stream") {
  auto model = test::load("exported_methods") | td::freeze();
  auto module = model.handle();
  auto const x = at::randn({1, 16});
  auto const first = test::forward(module, {x}).toTensor().clone();
  CHECK_FALSE(test::same_bits(test::forward(module, {x}), first));
  module.run_method("reset_states");
  CHECK(test::same_bits(test::forward(module, {x}), first));
}

TEST_CASE("silero-vad gives the same stream before and after freezing, again after reset_states") {
  auto const record = test::reference("silero_vad_stream");
  auto const chunks = test::tensors_at(record, "chunks");
  auto const wanted = test::tensors_at(record, "outputs");
  auto const plain = test::load("silero_vad");
  auto const frozen = test::load("silero_vad") | td::freeze();
  torch::jit::Module module = frozen.handle();
  auto const before = stream_through(plain.handle(), chunks), after = stream_through(module, chunks);
  auto const leaked = stream_through(module, chunks);
  module.run_method("reset_states");
  auto const reset = stream_through(module, chunks);
  REQUIRE(wanted.size() == 12);
  bool state_matters = false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    INFO("chunk " << i);
    CHECK(test::same_bits(before[i], wanted[i]));
    CHECK(test::close(after[i], wanted[i], 1e-4, 1e-6));
    CHECK(test::same_bits(reset[i], after[i]));
    state_matters = state_matters || !test::same_bits(leaked[i], after[i]);
  }
  CHECK(state_matters);
}

TEST_CASE("preserve narrows what is kept") {
  auto const one = test::load("exported_methods") | td::freeze({.preserve = {"encode"}});
  CHECK(methods_of(one.handle()) == std::vector<std::string>{"encode", "forward"});
  CHECK(one.report().find("freeze")->detail("preserved") == "encode");
  auto const none = test::load("exported_methods") | td::freeze({.preserve = {"forward"}});
  CHECK(methods_of(none.handle()) == std::vector<std::string>{"forward"});
}

TEST_CASE("preserve keeps an attribute too, and several names") {
  auto const model = test::load("exported_methods") | td::freeze({.preserve = {"state"}});
  CHECK(model.handle().hasattr("state"));
  auto const both = test::load("exported_methods") | td::freeze({.preserve = {"state", "encode"}});
  CHECK(both.handle().hasattr("state"));
  CHECK(methods_of(both.handle()) == std::vector<std::string>{"encode", "forward"});
  auto const all = test::load("exported_methods") | td::freeze({.preserve = {}});
  CHECK(methods_of(all.handle()) == methods_of((test::load("exported_methods") | td::freeze()).handle()));
}

TEST_CASE("a name to preserve that the model has not is refused, quantized or not") {
  auto const failure =
      failure_of<td::format_error>([] { test::load("exported_methods") | td::freeze({.preserve = {"decode"}}); });
  CHECK(failure.code == td::errc::preserve_unknown);
  CHECK_THAT(failure.text, ContainsSubstring("'decode'") && ContainsSubstring("did you mean 'encode'?"));
  CHECK(failure_of<td::format_error>([] {
          test::load("mlp_scripted") | td::quantize<td::Int8>() | td::freeze({.preserve = {"decode"}});
        }).code == td::errc::preserve_unknown);
}

TEST_CASE("freezing a quantized artifact lowers it") {
  auto quantized = test::load("digits_cnn") | td::quantize<td::Int8>(test::calibration_digits());
  auto const images = test::digits(16);
  auto const wanted = (quantized.clone() | td::deploy<td::LibTorch>())(images);
  auto const model = std::move(quantized) | td::freeze();
  CHECK(test::int8_layers(model.handle()) > 0);
  CHECK(test::same_bits(test::forward(model.handle(), {images}), wanted));
}

TEST_CASE("a frozen quantized artifact is deployed and saved like another") {
  test::temporary_folder const folder;
  auto model = test::load("digits_cnn") | td::quantize<td::Int8>(test::calibration_digits()) | td::freeze() |
               td::save(folder / "m.pt");
  auto const images = test::digits(16);
  auto const session = std::move(model) | td::deploy<td::LibTorch>();
  CHECK(test::same_bits(test::forward(torch::jit::load((folder / "m.pt").string()), {images}), session(images)));
}

TEST_CASE("a file that was frozen before can be frozen", "[zoo]") {
  test::temporary_folder const folder;
  for (auto const& each : test::reference("zoo").toGenericDict()) {
    auto const name = each.key().toStringRef();
    INFO(name);
    test::load(name) | td::freeze() | td::save(folder / "frozen.pt");
    auto const again = td::load<td::TorchScript>(folder / "frozen.pt") | td::freeze();
    CHECK(test::close(test::forward(again.handle(), {test::list_at(each.value(), "inputs")[0]}),
                      test::list_at(each.value(), "outputs")[0]));
  }
}

TEST_CASE("a file that was lowered before passes through freeze, and the report says so") {
  auto const path = TORCHDEPLOY_MODELS "/reference/static_minmax_digits_cnn_int8.pt";
  auto const images = test::digits(16);
  auto const model = td::load<td::TorchScript>(path) | td::freeze();
  CHECK(model.report().find("load")->detail("quantized") == "before");
  CHECK(test::has_finding(model.report(), "already-lowered"));
  CHECK(test::same_bits(test::forward(model.handle(), {images}), test::forward(torch::jit::load(path), {images})));
}

TEST_CASE("a script of modules that Python quantized eagerly is frozen, with what is to be preserved") {
  auto const path = TORCHDEPLOY_MODELS "/int8/eager_int8.pt";
  auto const before = td::load<td::TorchScript>(path);
  REQUIRE(before.handle().children().size() > 0);
  auto const model = before.clone() | td::freeze();
  CHECK_FALSE(test::has_finding(model.report(), "already-lowered"));
  CHECK(model.handle().children().size() == 0);
  auto const x = test::noise({5, 3, 16, 16}, 1).front();
  CHECK(test::same_bits(test::forward(model.handle(), {x}), test::forward(torch::jit::load(path), {x})));
}

TEST_CASE("a module from code without a training flag can be frozen") {
  auto const model = td::evaluate(test::scripted("def forward(self, x): return torch.relu(x) + 1")) | td::freeze();
  CHECK(test::forward(model.handle(), {at::full({2}, -3.0)}).toTensor().sum().item<double>() == 2);
}

TEST_CASE("a model that was quantized for an engine, then frozen and saved, names it in the file") {
  test::temporary_folder const folder;
  auto const path = folder / "m.pt";
  auto const images = test::digits(16);
  auto const session = test::load("digits_cnn") | td::quantize<td::Int8, td::Fbgemm>(test::calibration_digits()) |
                       td::freeze() | td::save(path) | td::deploy<td::LibTorch>();
  torch::jit::ExtraFilesMap files{{"torchdeploy.engine", ""}};
  torch::jit::load(path.string(), std::nullopt, files);
  CHECK(files.at("torchdeploy.engine") == at::toString(td::Fbgemm::id));

  auto loaded = td::load<td::TorchScript>(path);
  CHECK(loaded.report().find("load")->detail("engine") == at::toString(td::Fbgemm::id));
  CHECK(test::same_bits((loaded.clone() | td::deploy<td::LibTorch>())(images), session(images)));
  std::move(loaded) | td::freeze() | td::save(folder / "again.pt");
  CHECK(td::load<td::TorchScript>(folder / "again.pt").report().find("load")->detail("engine") ==
        at::toString(td::Fbgemm::id));
}

TEST_CASE("a frozen float model names no engine in its file") {
  test::temporary_folder const folder;
  test::load("digits_cnn") | td::freeze() | td::save(folder / "m.pt");
  CHECK(td::load<td::TorchScript>(folder / "m.pt").report().find("load")->detail("engine").empty());
}
