#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"

// Every record of .deps/models/reference/bit_equality_*.pt (tools/make_bit_equality.py): one model, quantized by Python's
// quantize_jit or quantize_dynamic_jit for one engine with one observer. On one thread, as Python.

namespace {

using samples = std::vector<at::Tensor>;
using session = td::session<td::LibTorch>;

template <class Observer, class Engine>
session quantized(std::string const& model, samples const& calibration, bool reduce_range) {
  return test::load(model) | td::quantize<td::Int8, Observer, Engine>(calibration, {.reduce_range = reduce_range}) |
         td::deploy<td::LibTorch>();
}

using way = std::function<session(std::string const& model, samples const& calibration, bool reduce_range)>;
using ways = std::map<std::pair<std::string, std::string>, way>;  ///< by engine and observer

template <class Engine, class... Observers>
void add(ways& all) {
  auto const engine = std::string(Engine::name);
  (all.emplace(std::pair(engine, std::string(Observers::name)), quantized<Observers, Engine>), ...);
  all.emplace(std::pair(engine, ""), [](std::string const& model, samples const&, bool) {
    // dynamically, torch reduces the range for every engine
    return test::load(model) | td::quantize<td::Int8, Engine>({.reduce_range = true}) | td::deploy<td::LibTorch>();
  });
}

template <class... Engines>
ways ways_of() {
  ways all;
  (add<Engines, td::MinMax, td::MovingAverage, td::Histogram>(all), ...);
  return all;
}

}  // namespace

TEST_CASE("every engine and observer gives the bits of quantize_jit on every model, and every engine without samples") {
  auto const known = ways_of<td::X86, td::Fbgemm, td::Onednn, td::Qnnpack>();
  for (std::string const model : {"digits_cnn", "onet", "rnet", "resnet18", "mobilenet_v2"}) {
    auto const reference = test::reference("bit_equality_" + model);
    auto const calibration = test::tensors_at(reference, "calibration");
    auto const inputs = test::list_at(reference, "inputs"), plain = test::list_at(reference, "float_outputs");
    REQUIRE(inputs.size() == 2);
    std::set<std::pair<std::string, std::string>> done;
    for (auto const& record : test::list_at(reference, "records")) {
      auto const field = [&](char const* name) { return record.toGenericDict().at(name); };
      auto const engine = field("engine").toStringRef(), observer = field("observer").toStringRef();
      INFO(model << ", " << engine << ", " << (observer.empty() ? "dynamic" : observer));
      auto const found = known.find({engine, observer});
      REQUIRE(found != known.end());
      auto const ours = found->second(model, calibration, field("reduce_range").toBool());
      auto const theirs = test::list_at(record, "outputs");
      REQUIRE(theirs.size() == inputs.size());
      // some operators look at the process's engine when they run: whether it is QNNPACK decides how quantized::add rounds
      std::optional<td::detail::engine_scope> running;
      if (engine == td::Qnnpack::name) running.emplace(td::Qnnpack::id);
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        auto const got = ours.run({inputs[i]});
        CHECK(test::same_bits(got, theirs[i]));
        CHECK_FALSE(test::same_bits(got, plain[i]));
      }
      done.insert(found->first);
    }
    CHECK(done.size() == known.size());
  }
}

TEST_CASE("each engine has the weights that torch's default for it has") {
  std::map<std::string, bool> per_channel;
  for (auto const& record : test::list_at(test::reference("bit_equality_digits_cnn"), "records"))
    per_channel[record.toGenericDict().at("engine").toStringRef()] = record.toGenericDict().at("per_channel").toBool();
  CHECK(per_channel == std::map<std::string, bool>{{"x86", td::X86::per_channel_weights},
                                                   {"fbgemm", td::Fbgemm::per_channel_weights},
                                                   {"onednn", td::Onednn::per_channel_weights},
                                                   {"qnnpack", td::Qnnpack::per_channel_weights}});
}
