#include <torchdeploy/quantization/engine.hpp>

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"

namespace {

at::QEngine current() { return at::globalContext().qEngine(); }

}  // namespace

TEST_CASE("an engine is set for a scope and then put back, also when something is thrown") {
  auto const before = current();
  {
    td::detail::engine_scope const scope(at::QEngine::ONEDNN);
    CHECK(current() == at::QEngine::ONEDNN);
    {
      td::detail::engine_scope const inner(at::QEngine::FBGEMM);
      CHECK(current() == at::QEngine::FBGEMM);
    }
    CHECK(current() == at::QEngine::ONEDNN);
  }
  CHECK(current() == before);
  try {
    td::detail::engine_scope const scope(at::QEngine::ONEDNN);
    throw std::runtime_error("thrown");
  } catch (std::runtime_error const&) {
  }
  CHECK(current() == before);
}

TEST_CASE("an engine that this LibTorch has not is refused by name") {
  auto const before = current();
  auto const& built_in = at::globalContext().supportedQEngines();
  for (auto const wanted : {at::QEngine::FBGEMM, at::QEngine::QNNPACK, at::QEngine::ONEDNN, at::QEngine::X86}) {
    if (std::find(built_in.begin(), built_in.end(), wanted) != built_in.end()) continue;
    auto const failure =
        test::failure_of<td::quantization_error>([&] { td::detail::engine_scope const scope(wanted); });
    CHECK(failure.code == td::errc::engine_unavailable);
    CHECK_THAT(failure.text, ContainsSubstring(at::toString(wanted)));
  }
  CHECK(current() == before);
}

TEST_CASE("what a type is made for is told by its members") {
  CHECK(td::engine<td::X86>);
  CHECK(td::engine<td::Fbgemm>);
  CHECK(td::engine<td::Onednn>);
  CHECK(td::engine<td::Qnnpack>);
  CHECK_FALSE(td::engine<td::MinMax>);
  CHECK_FALSE(td::engine<int>);
}

TEST_CASE("Qnnpack runs every small model, with and without samples, much like float", "[zoo]") {
  for (auto const& each : test::reference("zoo").toGenericDict()) {
    auto const name = each.key().toStringRef();
    if (name == "control_flow_scripted" || name == "dead_batchnorm") continue;  // one-sided samples; outputs near zero
    INFO(name);
    auto const inputs = test::list_at(each.value(), "inputs");
    std::vector<td::example> samples;
    for (auto const& input : inputs) samples.push_back({input});
    auto const wanted = test::flat(test::list_at(each.value(), "outputs")[0]);
    auto const check = [&](td::session<td::LibTorch> const& session) {
      auto const got = test::flat(session.run({inputs[0]}));
      REQUIRE(got.size() == wanted.size());
      for (std::size_t i = 0; i < got.size(); ++i) CHECK(test::sqnr_db(wanted[i], got[i]) > 15);
    };
    check(test::load(name) | td::quantize<td::Int8, td::Qnnpack>(samples) | td::deploy<td::LibTorch>());
    check(test::load(name) | td::quantize<td::Int8, td::Qnnpack>() | td::deploy<td::LibTorch>());
  }
}

TEST_CASE("int8 layers are counted with one scale where the engine has one") {
  auto const fc = [](auto stage) { return (test::load("resnet18") | stage).report().find("quantize")->layers.back(); };
  CHECK(fc(td::quantize<td::Int8, td::Qnnpack>()).bytes == 512 * 1000 + 12);
  CHECK(fc(td::quantize<td::Int8, td::Fbgemm>()).bytes == 512 * 1000 + 1000 * 12);
}

TEST_CASE("each engine's model has that engine's packing, whatever engine is set when it is deployed") {
  auto const samples = test::noise({2, 16});
  auto quantized = test::load("mlp_scripted") | td::quantize<td::Int8, td::MinMax, td::Fbgemm>(samples);
  auto const wanted = (quantized.clone() | td::deploy<td::LibTorch>())(samples[0]);
  td::detail::engine_scope const other(at::QEngine::ONEDNN);
  auto const session = std::move(quantized) | td::deploy<td::LibTorch>();
  CHECK(test::same_bits(session(samples[0]), wanted));
}
