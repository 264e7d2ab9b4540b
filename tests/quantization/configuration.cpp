#include <torchdeploy/quantization/configuration.hpp>

#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"

namespace {

using td::detail::exclusion;
using torch::jit::Module;

/// What is said of a module by its own path: "nothing", "float", "per tensor" or "per channel".
std::string entry(torch::jit::QConfigDict const& dict, std::string const& path) {
  auto const at = dict.find(path);
  if (at == dict.end()) return "nothing";
  if (!at->second) return "float";
  auto const scheme = std::get<1>(*at->second).attr("qscheme").toInt();
  return scheme == static_cast<std::int64_t>(at::kPerChannelSymmetric)  ? "per channel"
         : scheme == static_cast<std::int64_t>(at::kPerTensorSymmetric) ? "per tensor"
                                                                        : "another scheme";
}

/// What the module gets: LibTorch takes the entry of the nearest module above that has one.
std::string observers_of(torch::jit::QConfigDict const& dict, std::string path) {
  while (!path.empty() && entry(dict, path) == "nothing") {
    auto const dot = path.rfind('.');
    path.erase(dot == path.npos ? 0 : dot);
  }
  return entry(dict, path);
}

template <td::engine Engine>
torch::jit::QConfigDict configured(Module const& module, std::vector<exclusion> excluded = {}, bool dynamic = false) {
  return td::detail::configuration<Engine>(module, dynamic, excluded);
}

constexpr auto plain = "torch.conv2d(x, self.weight)";
constexpr auto worded = "torch.conv2d(x, self.weight, None, [1, 1], 'same')";
constexpr auto transposed = "torch.conv_transpose2d(x, self.weight)";
constexpr auto computed = "torch.conv_transpose2d(x, self.weight / torch.norm(self.weight))";

/// A module whose forward is `body`, of x and a weight of its own; with children, which it can call.
Module layer(std::string const& body, std::vector<std::pair<std::string, Module>> const& children = {}) {
  Module module("Layer");
  module.register_parameter("weight", test::noise({3, 3, 3, 3})[0], false);
  for (auto const& [name, child] : children) module.register_module(name, child);
  module.define("def forward(self, x):\n  return " + body + "\n");
  return module;
}

/// Modules that run one after the other.
Module chain(std::vector<std::pair<std::string, Module>> const& children) {
  Module module("Chain");
  std::string code = "def forward(self, x):\n";
  for (auto const& [name, child] : children) {
    module.register_module(name, child);
    code += "  x = self." + name + ".forward(x)\n";
  }
  module.define(code + "  return x\n");
  return module;
}

}  // namespace

TEST_CASE("one entry is for the whole model, a scale for each channel, unless a layer needs another", "[zoo]") {
  for (auto const& each : test::reference("zoo").toGenericDict()) {
    auto const name = each.key().toStringRef();
    INFO(name);
    auto const dict = configured<td::X86>(test::load(name).handle());
    CHECK(entry(dict, "") == "per channel");
    CHECK(dict.size() == (name == "conv_transpose" ? 2 : 1));
  }
}

TEST_CASE("a transposed convolution has one scale on Fbgemm, and stays in float on the other engines") {
  auto const module = test::load("conv_transpose").handle();
  std::vector<exclusion> none, x86, onednn;
  auto const on_fbgemm = td::detail::configuration<td::Fbgemm>(module, false, none);
  CHECK(entry(on_fbgemm, "2") == "per tensor");
  CHECK(observers_of(on_fbgemm, "0") == "per channel");
  CHECK(none.empty());

  auto const on_x86 = td::detail::configuration<td::X86>(module, false, x86);
  CHECK(entry(on_x86, "2") == "float");
  CHECK(observers_of(on_x86, "0") == "per channel");
  REQUIRE(x86.size() == 1);
  CHECK(x86[0].path == "2");
  CHECK_THAT(x86[0].reason, ContainsSubstring("transposed") && ContainsSubstring("engine x86"));

  CHECK(entry(td::detail::configuration<td::Onednn>(module, false, onednn), "2") == "float");
  REQUIRE(onednn.size() == 1);
  CHECK_THAT(onednn[0].reason, ContainsSubstring("engine onednn"));
}

TEST_CASE("every layer has one scale for its weight on Qnnpack, with or without samples") {
  auto const module = chain({{"up", layer(transposed)}, {"plain", layer(plain)}, {"same", layer(worded)}});
  auto const dict = configured<td::Qnnpack>(module);
  CHECK(observers_of(dict, "up") == "per tensor");
  CHECK(observers_of(dict, "plain") == "per tensor");
  CHECK(observers_of(dict, "same") == "float");
  CHECK(entry(configured<td::Qnnpack>(test::load("mlp_scripted").handle(), {}, true), "") == "per tensor");
}

TEST_CASE("a convolution whose padding is a word stays in float on every engine") {
  auto const module = chain({{"same", layer(worded)}, {"plain", layer(plain)}});
  std::vector<exclusion> excluded;
  auto const dict = td::detail::configuration<td::Fbgemm>(module, false, excluded);
  CHECK(entry(dict, "same") == "float");
  CHECK(observers_of(dict, "plain") == "per channel");
  REQUIRE(excluded.size() == 1);
  CHECK(excluded[0].path == "same");
  CHECK_THAT(excluded[0].reason, ContainsSubstring("padding is a word"));
  CHECK(entry(configured<td::X86>(module), "same") == "float");
  CHECK(entry(configured<td::Onednn>(module), "same") == "float");
  auto const valid = layer("torch.conv1d(x, self.weight, None, [1], 'valid')");
  CHECK(entry(configured<td::Fbgemm>(valid), "") == "float");
}

TEST_CASE("each layer of a mixed model gets its own") {
  auto const block = chain({{"same", layer(worded)}, {"up", layer(transposed)}, {"plain", layer(plain)}});
  auto const module = chain({{"first", block}, {"second", layer(plain)}, {"up", layer(transposed)}});
  auto const fbgemm = configured<td::Fbgemm>(module);
  auto const x86 = configured<td::X86>(module);
  CHECK(observers_of(fbgemm, "first.same") == "float");
  CHECK(observers_of(fbgemm, "first.up") == "per tensor");
  CHECK(observers_of(fbgemm, "up") == "per tensor");
  CHECK(observers_of(x86, "first.same") == "float");
  CHECK(observers_of(x86, "first.up") == "float");
  CHECK(observers_of(x86, "up") == "float");
  for (auto const* dict : {&fbgemm, &x86})
    for (std::string const ordinary : {"", "first", "first.plain", "second"}) {
      INFO(ordinary);
      CHECK(observers_of(*dict, ordinary) == "per channel");
    }
}

TEST_CASE("what a layer gets does not go down to the modules below it") {
  auto const inner = chain({{"deep", layer(plain)}});
  auto const body = [](std::string const& own) { return own + " + self.inner.forward(x)"; };
  auto const module = chain({{"same", layer(body(worded), {{"inner", inner}})},
                             {"same2", layer(plain)},  // merely named alike
                             {"up", layer(body(transposed), {{"inner", inner.clone()}})}});
  auto const fbgemm = configured<td::Fbgemm>(module);
  CHECK(observers_of(fbgemm, "same") == "float");
  CHECK(observers_of(fbgemm, "up") == "per tensor");
  for (std::string const below : {"same.inner", "same.inner.deep", "up.inner", "up.inner.deep", "same2"}) {
    INFO(below);
    CHECK(observers_of(fbgemm, below) == "per channel");
  }
  CHECK(entry(fbgemm, "same2") == "nothing");
}

TEST_CASE("a layer of the model itself leaves its sub-modules theirs") {
  auto const module = layer(std::string(transposed) + " + self.child.forward(x)", {{"child", layer(plain)}});
  CHECK(entry(configured<td::X86>(module), "") == "float");
  CHECK(entry(configured<td::Fbgemm>(module), "") == "per tensor");
  CHECK(observers_of(configured<td::X86>(module), "child") == "per channel");
  CHECK(observers_of(configured<td::Fbgemm>(module), "child") == "per channel");
}

TEST_CASE("a transposed convolution below one that is in float keeps its one scale") {
  auto const module = layer(std::string(worded) + " + self.up.forward(x)", {{"up", layer(transposed)}});
  auto const dict = configured<td::Fbgemm>(module);
  CHECK(entry(dict, "") == "float");
  CHECK(entry(dict, "up") == "per tensor");
  auto const turned = layer(std::string("self.up.forward(x) + ") + worded, {{"up", layer(transposed)}});
  CHECK(entry(configured<td::Fbgemm>(turned), "up") == "per tensor");
}

TEST_CASE("modules excluded before are in float with all that is below them, and stay excluded") {
  auto const module = chain({{"a", chain({{"b", layer(plain)}})}, {"c", layer(plain)}});
  std::vector<exclusion> excluded{{"a", "it branches"}};
  auto const dict = td::detail::configuration<td::Fbgemm>(module, false, excluded);
  CHECK(entry(dict, "a") == "float");
  CHECK(observers_of(dict, "a.b") == "float");
  CHECK(observers_of(dict, "c") == "per channel");
  REQUIRE(excluded.size() == 1);
  CHECK(excluded[0].reason == "it branches");
}

TEST_CASE("a transposed convolution in a module excluded before stays in float") {
  auto const module = chain({{"up", layer(transposed)}, {"outer", chain({{"up", layer(transposed)}})}});
  auto const dict = configured<td::Fbgemm>(module, {{"up", "it branches"}, {"outer", "it branches"}});
  CHECK(observers_of(dict, "up") == "float");
  CHECK(observers_of(dict, "outer.up") == "float");
  auto const unknown = chain({{"up", layer(computed)}});  // it stays in float, so its weight may be computed
  CHECK_NOTHROW(configured<td::X86>(unknown, {{"up", "it branches"}}));
}

TEST_CASE("what is below a module excluded before stays in float, whatever layer is above it") {
  auto const excluded = chain({{"inner", layer(plain)}});
  for (auto const* own : {transposed, worded}) {
    auto const module = layer(std::string(own) + " + self.child.forward(x)", {{"child", excluded.clone()}});
    INFO(own);
    CHECK(observers_of(configured<td::Fbgemm>(module, {{"child", "it branches"}}), "child.inner") == "float");
    CHECK(observers_of(configured<td::X86>(module, {{"child", "it branches"}}), "child.inner") == "float");
  }
}

TEST_CASE("of two layers of one module, the one that must stay in float decides, in either order") {
  CHECK(entry(configured<td::Fbgemm>(layer(std::string(worded) + " + " + transposed)), "") == "float");
  CHECK(entry(configured<td::Fbgemm>(layer(std::string(transposed) + " + " + worded)), "") == "float");
}

TEST_CASE("a transposed convolution whose weight is computed is refused by its place") {
  auto const refused = [](auto work) {
    auto const failure = test::failure_of<td::quantization_error>(work);
    CHECK(failure.code == td::errc::not_quantizable);
    CHECK_THAT(failure.text, StartsWith("[torchdeploy.quantize.402] ") && ContainsSubstring("up.conv_transpose2d"));
  };
  auto const module = chain({{"first", layer(plain)}, {"up", layer(computed)}});
  refused([&] { configured<td::X86>(module); });
  refused([&] { configured<td::Fbgemm>(module); });
  refused([&] { td::evaluate(module) | td::quantize<td::Int8>(test::noise({1, 3, 8, 8})); });
}

TEST_CASE("a convolution whose weight is computed is refused only where graph mode would take it wrongly") {
  CHECK_NOTHROW(configured<td::X86>(layer("torch.conv2d(x, self.weight * 2)")));
  auto const failure = test::failure_of<td::quantization_error>(
      [] { configured<td::Fbgemm>(layer("torch.conv2d(x, self.weight * 2, None, [1, 1], 'same')")); });
  CHECK(failure.code == td::errc::not_quantizable);
}

TEST_CASE("without samples convolutions are left alone: none is refused or excluded") {
  std::vector<exclusion> excluded;
  auto const module = chain({{"up", layer(transposed)}, {"computed", layer(computed)}, {"same", layer(worded)}});
  CHECK_NOTHROW(td::detail::configuration<td::X86>(module, true, excluded));
  CHECK(excluded.empty());
}

TEST_CASE("weights are observed as qint8 and activations as quint8, with or without samples") {
  auto const module = test::load("mlp_scripted").handle();
  for (bool const dynamic : {false, true}) {
    auto const dict = configured<td::X86>(module, {}, dynamic);
    auto const& [activation, weight] = dict.at("").value();
    CHECK(activation.attr("dtype").toInt() == static_cast<std::int64_t>(at::kQUInt8));
    CHECK(activation.attr("qscheme").toInt() == static_cast<std::int64_t>(at::kPerTensorAffine));
    CHECK(weight.attr("dtype").toInt() == static_cast<std::int64_t>(at::kQInt8));
    CHECK(weight.attr("ch_axis").toInt() == 0);
    // LibTorch knows a placeholder, which observes nothing, by this name
    CHECK((activation.type()->name()->name() == "PlaceholderObserver") == dynamic);
  }
}
