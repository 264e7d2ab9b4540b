// Thousands of damaged .onnx files, each loaded in a process of its own: what comes out is an error of ours, or a model.
//
//     soak_damaged_onnx [COUNT] [SEED] [MODEL ...]
//
// COUNT files in all, made of the models of .deps/models/onnx/ that are named; by default of a few small ones.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

#include "support/onnx_damage.hpp"
#include "support/sweep.hpp"

namespace td = torchdeploy;

int main(int count, char** arguments) {
  auto const cases = count > 1 ? std::atoi(arguments[1]) : 2000;
  auto const seed = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1;
  std::vector<std::string> names(arguments + std::min(count, 3), arguments + count);
  if (names.empty())
    names = {"digits_cnn", "digits_cnn_int8", "control_flow_scripted", "gru_scripted", "loop", "own_function"};
  int bad = 0;
  for (auto const& name : names) {
    std::ifstream in(TORCHDEPLOY_MODELS "/onnx/" + name + ".onnx", std::ios::binary);
    test::file_bytes const model{std::istreambuf_iterator<char>(in), {}};
    auto const share = (cases + static_cast<int>(names.size()) - 1) / static_cast<int>(names.size());
    bad += test::sweep(name, "onnx", model, test::onnx_damages, share, seed,
                       [](test::file_bytes const& file) { td::load<td::Onnx>(file); });
  }
  return bad != 0;
}
