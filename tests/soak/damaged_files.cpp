// Thousands of damaged model files, each loaded and run in a process of its own: what comes out is an error of ours, or a
// model. Anything else, a foreign exception or a dead process, is counted and shown.
//
//     soak_damaged_files [COUNT] [SEED] [MODEL ...]
//
// COUNT files of each model of the tests that is named, digits_cnn by default: MODEL.pt and MODEL.ptl are one format of it,
// MODEL.openvino is its .pt on OpenVINO, where this build has that, MODEL all. A file that loads is run on the model's own
// inputs; a .pt is exported to ONNX too, where the build can.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

#include "support/damage.hpp"
#include "support/sweep.hpp"
#include "support/zoo.hpp"

namespace {

using test::file_bytes;

using interpreters = td::first_available<td::LibTorch, td::MobileRuntime>;

template <class Format, class Backend = interpreters>
int sweep(std::string const& name, char const* extension, file_bytes const& model, test::samples const& inputs,
          int cases, std::uint64_t seed) {
  test::intact_file const intact{name, model};
  return test::sweep(name, extension, {&intact, 1}, test::damages, cases, seed, [&](file_bytes const& file, auto&) {
    auto const session = td::load<Format>(file, {.examples = inputs}) | td::deploy<Backend>();
    for (auto const& each : inputs) (void)session.run(each);
  });
}

#ifdef TORCHDEPLOY_WITH_ONNX
/// Exported: what can't be is refused by an error of ours.
int sweep_export(std::string const& name, file_bytes const& model, test::samples const& inputs, int cases,
                 std::uint64_t seed) {
  test::intact_file const intact{name, model};
  return test::sweep(
      name + " exported", "pt", {&intact, 1}, test::damages, cases, seed,
      [&](file_bytes const& file, auto&) { td::load<td::TorchScript>(file) | td::export_onnx({.samples = inputs}); });
}
#endif
template <class B>
int on_openvino(std::string const& name, file_bytes const& model, test::samples const& inputs, int cases,
                std::uint64_t seed) {
  if constexpr (td::available<B>)
    return sweep<td::TorchScript, B>(name, "openvino", model, inputs, cases, seed);
  else
    return 0;
}

file_bytes mobile(file_bytes const& model) {
  std::ostringstream out;
  auto const artifact = td::load<td::TorchScript>(model) | td::to_mobile();
  td::MobileLite::write(artifact.handle(), artifact.record(), out);
  auto const text = std::move(out).str();
  return {text.begin(), text.end()};
}

}  // namespace

int main(int count, char** arguments) {
  auto const cases = count > 1 ? std::atoi(arguments[1]) : 2000;
  auto const seed = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1;
  std::vector<std::string> names(arguments + std::min(count, 3), arguments + count);
  if (names.empty()) names = {"digits_cnn"};
  auto const known = test::all_models();
  int bad = 0;
  for (auto const& each : names) {
    auto const name = each.substr(0, each.find('.'));
    auto const inputs = known.find(name);
    if (inputs == known.end()) {
      std::fprintf(stderr, "no model of the tests: %s\n", each.c_str());
      return 2;
    }
    auto const model = test::bytes_of(test::model_path(name));
    auto const wants = [&](char const* extension) { return each == name || each.ends_with(extension); };
    if (wants(".pt")) bad += sweep<td::TorchScript>(name, "pt", model, inputs->second, cases, seed);
#ifdef TORCHDEPLOY_WITH_ONNX
    if (wants(".pt")) bad += sweep_export(name, model, inputs->second, cases, seed);
#endif
    if (wants(".ptl")) bad += sweep<td::MobileLite>(name, "ptl", mobile(model), inputs->second, cases, seed);
    if (wants(".openvino")) bad += on_openvino<td::OpenVino>(name, model, inputs->second, cases, seed);
  }
  return bad != 0;
}
