// Every model through every stage: a result, or a refusal that is known by name.
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

#include "support/process.hpp"
#include "support/zoo.hpp"

namespace fs = std::filesystem;

namespace {

using model = td::artifact<td::TorchScript, td::facts<td::evaluating>>;
using test::samples;

struct trip {
  char const* name;
  double least_db;  ///< against the model as it was loaded
  std::function<c10::IValue(model, samples const&)> go;
};

template <class Artifact>
c10::IValue answer(Artifact artifact, samples const& given) {
  auto const session = std::move(artifact) | td::deploy<td::first_available<td::LibTorch, td::MobileRuntime>>();
  c10::IValue last;
  for (auto const& each : given) last = session.run(each);  // from the first on: a model may keep a state
  return last;
}

std::vector<trip> const& trips() {
  constexpr double lossless = 80, quantized = 5, none = -1000;
  static std::vector<trip> const all = {
      {"deploy", lossless, [](model m, samples const& s) { return answer(std::move(m), s); }},
      {"freeze", lossless, [](model m, samples const& s) { return answer(std::move(m) | td::freeze(), s); }},
      {"optimize", lossless, [](model m, samples const& s) { return answer(std::move(m) | td::optimize(), s); }},
      {"save", lossless,
       [](model m, samples const& s) {
         test::temporary_folder const folder;
         std::move(m) | td::save(folder / "m.pt");
         return answer(td::load<td::TorchScript>(folder / "m.pt"), s);
       }},
      {"freeze and save", lossless,
       [](model m, samples const& s) {
         test::temporary_folder const folder;
         std::move(m) | td::freeze() | td::save(folder / "m.pt");
         return answer(td::load<td::TorchScript>(folder / "m.pt"), s);
       }},
      {"verify", lossless,
       [](model m, samples const& s) {
         auto const same = m.clone();
         return answer(std::move(m) | td::verify(same, {.samples = s, .allow_degenerate = true}), s);
       }},
      {"prune", none, [](model m, samples const& s) { return answer(std::move(m) | td::prune<td::L1>(0.3), s); }},
      {"quantize", quantized,
       [](model m, samples const& s) { return answer(std::move(m) | td::quantize<td::Int8>(s), s); }},
      {"quantize, minmax, onednn", quantized,
       [](model m, samples const& s) {
         return answer(std::move(m) | td::quantize<td::Int8, td::MinMax, td::Onednn>(s), s);
       }},
      {"quantize, fbgemm, and save", quantized,
       [](model m, samples const& s) {
         test::temporary_folder const folder;
         std::move(m) | td::quantize<td::Int8, td::Fbgemm>(s) | td::save(folder / "m.pt");
         return answer(td::load<td::TorchScript>(folder / "m.pt"), s);
       }},
      {"quantize dynamically", quantized,
       [](model m, samples const& s) { return answer(std::move(m) | td::quantize<td::Int8>(), s); }},
      {"quantize and prune", none,
       [](model m, samples const& s) {
         return answer(std::move(m) | td::quantize<td::Int8>(s) | td::prune<td::L1>(0.3), s);
       }},
      // follows its first sample by 1 %: of two opposite ones it clips the second, but is better than an answer of zeros
      {"quantize, moving average", 0,
       [](model m, samples const& s) {
         return answer(std::move(m) | td::quantize<td::Int8, td::MovingAverage>(s), s);
       }},
      {"quantize, percentile", quantized,
       [](model m, samples const& s) {
         return answer(std::move(m) | td::quantize<td::Int8, td::Percentile<99.9>>(s), s);
       }},
      {"quantize, qnnpack", quantized,
       [](model m, samples const& s) { return answer(std::move(m) | td::quantize<td::Int8, td::Qnnpack>(s), s); }},
      {"freeze, mobile", lossless,
       [](model m, samples const& s) { return answer(std::move(m) | td::freeze() | td::to_mobile(), s); }},
      {"quantize, mobile, and save", quantized,
       [](model m, samples const& s) {
         test::temporary_folder const folder;
         std::move(m) | td::quantize<td::Int8>(s) | td::to_mobile() | td::save(folder / "m.ptl");
         return answer(td::load<td::MobileLite>(folder / "m.ptl"), s);
       }},
      {"slices, prune", none,
       [](model m, samples const& s) { return answer(std::move(m) | td::prune<td::L2>(0.25, {.dimension = 0}), s); }},
      {"at random over all layers, prune", none,
       [](model m, samples const& s) {
         return answer(std::move(m) | td::prune<td::Random>(0.3, {.global = true}), s);
       }},
      {"verify by layer", lossless,
       [](model m, samples const& s) {
         auto const same = m.clone();
         return answer(
             std::move(m) |
                 td::verify(same, {.samples = s, .allow_degenerate = true, .per_layer = true, .latency_calls = 0}),
             s);
       }},
      {"quantize, first divergence", quantized,
       [](model m, samples const& s) {
         auto const original = m.clone();
         auto int8 = std::move(m) | td::quantize<td::Int8>(s);
         (void)td::first_divergence(original, int8, {.samples = s});
         return answer(std::move(int8), s);
       }},
      {"diagnose", lossless,
       [](model m, samples const& s) {
         (void)td::diagnose(m, {.samples = s});
         return answer(std::move(m), s);
       }},
      {"warm up", lossless,
       [](model m, samples const& s) {
         auto const session = std::move(m) | td::deploy<td::LibTorch>();
         session.warmup(3, {.samples = s});
         c10::IValue last;
         for (auto const& each : s) last = session.run(each);
         return last;
       }},
  };
  return all;
}

/// Refusals by name: every other model and stage gives a result.
std::optional<td::errc> refusal(std::string const& name, std::string const& stage) {
  static std::set<std::string> const without_weights = {"constant_net", "encoder_traced", "one_op", "raises"};
  if (stage.ends_with("prune") && without_weights.contains(name)) return td::errc::nothing_to_prune;
  if (stage.starts_with("quantize") && name == "silero_vad") return td::errc::not_quantizable;
  bool const by_layer = stage.ends_with("by layer") || stage.ends_with("first divergence");
  if (by_layer && name != "encoder_traced" && without_weights.contains(name)) return td::errc::no_common_layer;
  // LibTorch writes a type that it can't read again
  if (stage.find("mobile") != stage.npos && name == "mha_scripted") return td::errc::not_for_mobile;
  return std::nullopt;
}

TEST_CASE("every model goes through every stage, or is refused by name", "[zoo]") {
  auto const models = test::all_models();
  std::size_t files = 0;
  for (auto const& each : fs::directory_iterator(TORCHDEPLOY_MODELS)) {
    if (!each.is_regular_file() || each.path().filename().string().starts_with(".")) continue;
    INFO(each.path());
    CHECK(models.contains(each.path().stem().string()));
    ++files;
  }
  CHECK(files >= 30);
  std::size_t pair = 0;
  for (auto const& [name, given] : models) {
    auto const wanted = test::flat(answer(test::load(name), given));
    for (auto const& trip : trips()) {
      if (!test::frees_at_once && pair++ % 3 != 0) continue;  // under AddressSanitizer all of them take ten minutes
      INFO(name << ": " << trip.name);
      auto const expected = refusal(name, trip.name);
      try {
        auto const got = test::flat(trip.go(test::load(name), given));
        CHECK_FALSE(expected);
        REQUIRE(got.size() == wanted.size());
        for (std::size_t i = 0; i < got.size(); ++i) {
          CHECK(got[i].sizes() == wanted[i].sizes());
          CHECK(got[i].isfinite().all().item<bool>());
          bool const comparable = name != "dead_batchnorm" && !got[i].equal(wanted[i]);  // that one's are near zero
          if (comparable) CHECK(test::sqnr_db(wanted[i], got[i]) > trip.least_db);
        }
      } catch (td::error const& thrown) {
        INFO(thrown.what());
        CHECK(thrown.code() == expected);
      }
    }
  }
}

}  // namespace
