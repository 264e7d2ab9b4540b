#include <torchdeploy/quantization/engine.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>

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
  CHECK_FALSE(td::engine<td::MinMax>);
  CHECK_FALSE(td::engine<int>);
}

TEST_CASE("each engine's model has that engine's packing, whatever engine is set when it is deployed") {
  auto const samples = test::noise({2, 16});
  auto quantized = test::load("mlp_scripted") | td::quantize<td::Int8, td::MinMax, td::Fbgemm>(samples);
  auto const wanted = (quantized.clone() | td::deploy<td::LibTorch>())(samples[0]);
  td::detail::engine_scope const other(at::QEngine::ONEDNN);
  auto const session = std::move(quantized) | td::deploy<td::LibTorch>();
  CHECK(test::same_bits(session(samples[0]), wanted));
}
