#include <torchdeploy/quantization/isa.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <unistd.h>

#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/save.hpp>
#include <torchdeploy/stage/to_mobile.hpp>

#include "support/child.hpp"
#include "support/models.hpp"

namespace {

using td::isa;

constexpr auto without_vnni = "ONEDNN_MAX_CPU_ISA=AVX2 FBGEMM_ENABLE_INSTRUCTIONS=AVX2";

/// Weights that are all far from zero and mostly of one sign: two products of them with activations at their largest do not
/// fit into 16 bits.
at::Tensor far_weights(at::IntArrayRef shape) {
  auto const generator = at::make_generator<at::CPUGeneratorImpl>(5);
  auto const sizes = 0.75 + 0.25 * at::rand(shape, generator);
  return at::where(at::rand(shape, generator) < 0.1, -sizes, sizes);
}

/// A convolution, then a linear layer.
torch::jit::Module saturating_model() {
  torch::jit::Module module("Saturating");
  module.register_parameter("conv", far_weights({16, 8, 3, 3}), false);
  module.register_parameter("head", far_weights({10, 16 * 6 * 6}), false);
  module.define(
      "def forward(self, x):\n"
      "  x = torch.relu(torch.conv2d(x, self.conv))\n"
      "  return torch.linear(torch.flatten(x, 1), self.head)\n");
  return module;
}
torch::jit::Module saturating_layer() {
  torch::jit::Module module("Layer");
  module.register_parameter("weight", far_weights({32, 256}), false);
  module.define("def forward(self, x): return torch.linear(x, self.weight)\n");
  return module;
}

template <class Engine>
double static_db(td::quantize_options const& options = {}) {
  auto const x = at::ones({2, 8, 8, 8});
  auto const model = td::evaluate(saturating_model()) |
                     td::quantize<td::Int8, td::MinMax, Engine>(std::vector{x, at::zeros_like(x)}, options);
  auto const wanted = test::forward(saturating_model(), {x}).toTensor();
  return test::sqnr_db(wanted, (model.clone() | td::deploy<td::LibTorch>())(x));
}
template <class Engine>
double dynamic_db(td::quantize_options const& options = {}) {
  auto const x = at::ones({2, 256});
  auto const session =
      td::evaluate(saturating_layer()) | td::quantize<td::Int8, Engine>(options) | td::deploy<td::LibTorch>();
  return test::sqnr_db(test::forward(saturating_layer(), {x}).toTensor(), session(x));
}

template <class Engine>
void check_engine() {
  INFO(Engine::name);
  CHECK(static_db<Engine>() >= 45);
  CHECK(dynamic_db<Engine>() >= 45);
}

std::filesystem::path full_range_file() { return std::filesystem::path(std::getenv("TORCHDEPLOY_TEST_FILE")); }

}  // namespace

TEST_CASE("whether an engine saturates on a CPU is known for each pair, and uncertain means yes") {
  using td::detail::saturates;
  for (auto const engine : {at::QEngine::X86, at::QEngine::FBGEMM, at::QEngine::ONEDNN}) {
    CHECK(saturates(engine, isa::avx2));
    CHECK(saturates(engine, isa::avx512));
    CHECK(saturates(engine, isa::arm));
    CHECK_FALSE(saturates(engine, isa::avx512_vnni));
    CHECK(saturates(engine, isa::avx_vnni) == (engine != at::QEngine::ONEDNN));
  }
  for (auto const target : {isa::avx2, isa::avx512, isa::avx_vnni, isa::avx512_vnni, isa::arm})
    CHECK_FALSE(saturates(at::QEngine::QNNPACK, target));
}

TEST_CASE("saturating weights keep 45 dB by default, whatever the CPU has") {
  check_engine<td::X86>();
  check_engine<td::Fbgemm>();
  check_engine<td::Onednn>();
}

TEST_CASE("child: saturating weights without VNNI", "[.]") {
  if (!test::is_child()) return;
  for (auto const engine : {at::QEngine::X86, at::QEngine::FBGEMM, at::QEngine::ONEDNN})
    CHECK(td::detail::saturates_here(engine));
  check_engine<td::X86>();
  check_engine<td::Fbgemm>();
  check_engine<td::Onednn>();
  // and the settings do what they are here for
  CHECK(static_db<td::X86>({.reduce_range = false}) < 30);
  CHECK(static_db<td::Fbgemm>({.reduce_range = false}) < 30);
  CHECK(static_db<td::Onednn>({.reduce_range = false}) < 30);
  CHECK(dynamic_db<td::X86>({.reduce_range = false}) < 30);
  CHECK(dynamic_db<td::Onednn>({.target = isa::avx512_vnni}) < 30);
}
TEST_CASE("saturating weights keep 45 dB by default on a CPU without VNNI") {
  CHECK(test::passes_in_child("child: saturating weights without VNNI", without_vnni));
}

TEST_CASE("child: one library without VNNI is enough for X86 to saturate", "[.]") {
  if (!test::is_child()) return;
  CHECK(td::detail::saturates_here(at::QEngine::X86));
  check_engine<td::X86>();
}
TEST_CASE("X86 takes kernels of two libraries, and is reduced where either saturates") {
  auto const name = "child: one library without VNNI is enough for X86 to saturate";
  CHECK(test::passes_in_child(name, "DNNL_MAX_CPU_ISA=AVX2"));
  CHECK(test::passes_in_child(name, "FBGEMM_ENABLE_INSTRUCTIONS=AVX2"));
}

TEST_CASE("the report tells the range and the target, and warns of a full range that saturates there") {
  auto const samples = test::noise({2, 16});
  auto const entry = [&](td::quantize_options const& options) {
    return *(test::load("mlp_scripted") | td::quantize<td::Int8>(samples, options)).report().find("quantize");
  };
  auto const old = entry({.target = isa::avx2});
  CHECK(old.detail("range") == "reduced");
  CHECK(old.detail("target") == "avx2");
  CHECK(old.findings.empty());
  auto const modern = entry({.target = isa::avx512_vnni});
  CHECK(modern.detail("range") == "full");
  CHECK(modern.findings.empty());
  auto const forced = entry({.target = isa::avx2, .reduce_range = false});
  CHECK(forced.detail("range") == "full");
  REQUIRE(forced.findings.size() == 1);
  CHECK(forced.findings[0].id == "int8-saturates");
  CHECK(entry({}).detail("target") == td::detail::this_isa());
}

TEST_CASE("engine, range and target are stamped on what is saved or frozen, and told when it is loaded") {
  test::temporary_folder const folder;
  auto const samples = test::noise({2, 16});
  auto const frozen = test::load("mlp_scripted") | td::quantize<td::Int8>(samples, {.target = isa::avx2}) |
                      td::save(folder / "a.pt") | td::freeze() | td::save(folder / "b.pt");
  CHECK(frozen.record().extras.files.at(td::range_file) == "reduced");
  for (auto const* name : {"a.pt", "b.pt"}) {
    std::unordered_map<std::string, std::string> files{
        {td::engine_file, ""}, {td::range_file, ""}, {td::target_file, ""}};
    torch::jit::load((folder / name).string(), std::nullopt, files);
    CHECK(files.at(td::engine_file) == "X86");
    CHECK(files.at(td::range_file) == "reduced");
    CHECK(files.at(td::target_file) == "avx2");
    auto const loaded = td::load<td::TorchScript>(folder / name);
    CHECK(loaded.report().find("load")->detail("range") == "reduced");
    CHECK(loaded.report().find("load")->detail("target") == "avx2");
    CHECK_FALSE(test::has_finding(loaded.report(), "int8-saturates"));
  }
}

TEST_CASE("child: a full range is loaded without VNNI", "[.]") {
  if (!test::is_child()) return;
  td::quiet = false;
  auto const loaded = td::load<td::TorchScript>(full_range_file());
  REQUIRE(loaded.report().findings().size() == 1);
  auto const finding = loaded.report().findings()[0];
  CHECK(finding.id == "int8-saturates");
  CHECK(finding.level == td::severity::warning);
  CHECK_THAT(finding.text, ContainsSubstring("avx512_vnni") && ContainsSubstring("X86"));
  CHECK_THAT(finding.hint, ContainsSubstring(".target"));
}
TEST_CASE("a full-range file is warned of, once, where it saturates, and only there") {
  test::temporary_folder const folder;
  auto const save = [&](char const* name, td::quantize_options const& options) {
    test::load("mlp_scripted") | td::quantize<td::Int8>(test::noise({2, 16}), options) | td::save(folder / name);
    return "TORCHDEPLOY_TEST_FILE='" + (folder / name).string() + "' ";
  };
  auto const child = "child: a full range is loaded without VNNI";
  auto const full = save("full.pt", {.target = isa::avx512_vnni}), reduced = save("reduced.pt", {.target = isa::avx2});
  auto const said = (folder / "said").string();
  CHECK(test::passes_in_child(child, full + without_vnni, said));
  std::ifstream in(said);  // LibTorch may say on a line of its own that its quantized types are deprecated
  std::vector<std::string> ours;
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("torchdeploy: ")) ours.push_back(line);
  REQUIRE(ours.size() == 1);
  CHECK_THAT(ours[0], StartsWith("torchdeploy: warning [int8-saturates] "));
  CHECK_FALSE(test::passes_in_child(child, reduced + without_vnni));
  if (!td::detail::saturates_here(at::QEngine::X86)) CHECK_FALSE(test::passes_in_child(child, full));
}

TEST_CASE("child: a file that Python quantized is loaded without VNNI", "[.]") {
  if (!test::is_child()) return;
  auto const path = TORCHDEPLOY_MODELS "/reference/static_minmax_mlp_scripted_int8.pt";
  CHECK(td::load<td::TorchScript>(path).report().findings().empty());
}
TEST_CASE("a file without stamps is loaded as before") {
  CHECK(test::passes_in_child("child: a file that Python quantized is loaded without VNNI", without_vnni));
}

TEST_CASE("stamps that make no sense don't stop a model from being loaded") {
  test::temporary_folder const folder;
  auto const model = test::load("mlp_scripted") | td::quantize<td::Int8>(test::noise({2, 16}));
  auto const lowered = td::TorchScript::leaving(model.handle(), model.record());
  for (std::string const range : {"", "full ", "half"}) {
    lowered.save((folder / "odd.pt").string(),
                 {{td::engine_file, "X86"}, {td::range_file, range}, {td::target_file, "?"}});
    CHECK(td::load<td::TorchScript>(folder / "odd.pt").report().findings().empty());
  }
  lowered.save((folder / "float.pt").string(), {{td::range_file, "full"}});
  CHECK_NOTHROW(td::load<td::TorchScript>(folder / "float.pt"));
}

TEST_CASE("a number that names no instructions has a text, too") {
  CHECK(td::to_text(td::isa::arm) == "arm");
  CHECK(td::to_text(static_cast<td::isa>(99)) == "unknown");
  CHECK(td::to_text(static_cast<td::isa>(-1)) == "unknown");
}

TEST_CASE("child: one thread holds the compiler and asks for an engine while another asks", "[.]") {
  if (!test::is_child()) return;
  ::alarm(60);  // what deadlocks is killed
  std::optional<td::detail::compiler_lock> held(std::in_place);
  std::thread loading([] { (void)td::detail::saturates_here(at::QEngine::FBGEMM); });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // it is on its way: this process asked for none before
  (void)td::detail::saturates_here(at::QEngine::FBGEMM);
  held.reset();
  loading.join();
  SUCCEED();
}
TEST_CASE("a load that asks about an engine and a quantization that does so do not wait for each other") {
  CHECK(test::passes_in_child("child: one thread holds the compiler and asks for an engine while another asks", ""));
}

TEST_CASE("child: a mobile full range is loaded without VNNI", "[.]") {
  if (!test::is_child()) return;
  auto const loaded = td::load<td::MobileLite>(full_range_file());
  CHECK(loaded.report().find("load")->detail("range") == "full");
  REQUIRE(loaded.report().findings().size() == 1);
  CHECK(loaded.report().findings()[0].id == "int8-saturates");
}
TEST_CASE("a mobile file has engine, range and target, and a full range is warned of where it saturates") {
  test::temporary_folder const folder;
  auto const save = [&](char const* name, td::quantize_options const& options) {
    test::load("mlp_scripted") | td::quantize<td::Int8>(test::noise({2, 16}), options) | td::to_mobile() |
        td::save(folder / name);
    return "TORCHDEPLOY_TEST_FILE='" + (folder / name).string() + "' ";
  };
  auto const child = "child: a mobile full range is loaded without VNNI";
  auto const full = save("full.ptl", {.target = isa::avx512_vnni});
  auto const reduced = save("reduced.ptl", {.target = isa::avx2});
  CHECK(test::passes_in_child(child, full + without_vnni));
  CHECK_FALSE(test::passes_in_child(child, reduced + without_vnni));
  auto const entry = *td::load<td::MobileLite>(folder / "reduced.ptl").report().find("load");
  CHECK(entry.detail("engine") == "X86");
  CHECK(entry.detail("range") == "reduced");
  CHECK(entry.detail("target") == "avx2");
  CHECK(entry.findings.empty());
}
