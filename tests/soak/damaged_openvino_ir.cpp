// Thousands of damaged models of OpenVINO's own, first the .xml, then the .bin, each loaded, compiled and called once in a
// process of its own: what comes out is an error of ours, or a result.
//
//     soak_damaged_openvino_ir [COUNT] [SEED] [MODEL ...]
//
// COUNT files of each of the two, made of the TorchScript models of .deps/models/ that are named; by default of small ones.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

#include "support/ir_damage.hpp"
#include "support/one_call.hpp"
#include "support/sweep.hpp"
#include "support/zoo.hpp"

namespace {

using test::file_bytes;

std::vector<td::example> inputs_of(std::string const& name) {
  static auto const known = test::all_models();
  if (auto const at = known.find(name); at != known.end()) return at->second;
  auto const calls = test::reference("runtimes").toGenericDict().at(name.substr(name.find('/') + 1));
  return {calls.toListRef().front().toListRef().vec()};
}

/// The .bin's mark is taken out: with it no change of the .bin comes through.
void without_mark(std::filesystem::path const& xml) {
  auto const bytes = test::bytes_of(xml);
  std::string text(bytes.begin(), bytes.end());
  auto const at = text.find("<torchdeploy_weights");
  if (at != text.npos) text.erase(at, text.find('>', at) + 1 - at);
  test::write(xml, text);
}

}  // namespace

int main(int count, char** arguments) {
  auto const cases = count > 1 ? std::atoi(arguments[1]) : 2000;
  auto const seed = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1;
  std::vector<std::string> names(arguments + std::min(count, 3), arguments + count);
  if (names.empty())
    names = {"digits_cnn",    "control_flow_scripted",    "gru_scripted",      "embedding_mlp",
             "lstm_scripted", "runtimes/loop_over_steps", "runtimes/branches", "runtimes/resizing"};
  test::temporary_folder const folder;
  std::vector<test::intact_file> xml, bin;
  std::map<std::string, td::example> inputs;
  for (auto const& each : names) {
    auto const name = each.substr(each.find('/') + 1);
    auto const examples = inputs_of(each);
    inputs[name] = examples.front();
    auto const made = test::tried_apart([&] {
      (void)(td::load<td::TorchScript>(test::model_path(each), {.examples = examples}) | td::to_openvino() |
             td::save(folder / (name + ".xml")));
      without_mark(folder / (name + ".xml"));
    });
    if (made != test::sweep_outcome::runs) {
      std::fprintf(stderr, "can't make a model of OpenVINO's of %s\n", each.c_str());
      return 2;
    }
    xml.push_back({name, test::bytes_of(folder / (name + ".xml"))});
    bin.push_back({name, test::bytes_of(folder / (name + ".bin"))});
  }
  auto const put = [&](std::string const& name, file_bytes const& bytes) {
    test::write(folder / name, std::string_view(bytes.data(), bytes.size()));
  };
  auto const run = [&](test::intact_file const& of) {
    test::call_once(td::load<td::OpenVinoIr>(folder / (of.name + ".xml")) | td::deploy<td::OpenVino>({.threads = 1}),
                    inputs.at(of.name));
  };
  auto const sweep = [&](std::string const& extension, std::vector<test::intact_file> const& models,
                         std::span<test::damage const> kinds) {
    auto const use = [&](file_bytes const& file, test::intact_file const& of) {
      put(of.name + "." + extension, file);
      run(of);
    };
    auto const bad = test::sweep("OpenVINO", extension, models, kinds, cases, seed, use);
    for (auto const& each : models) put(each.name + "." + extension, each.bytes);
    return bad;
  };
  return sweep("xml", xml, test::ir_damages) + sweep("bin", bin, test::bin_damages) != 0;
}
