// Thousands of damaged .onnx files, each loaded, compiled and called once in a process of its own: what comes out is an error
// of ours, or a result.
//
//     soak_damaged_onnx [COUNT] [SEED] [MODEL ...]
//
// COUNT files for each runtime of this build, made of the models of .deps/models/onnx/ that are named; by default of small ones.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

#include "support/models.hpp"
#include "support/one_call.hpp"
#include "support/onnx_damage.hpp"
#include "support/sweep.hpp"

int main(int count, char** arguments) {
  auto const cases = count > 1 ? std::atoi(arguments[1]) : 2000;
  auto const seed = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1;
  std::vector<std::string> names(arguments + std::min(count, 3), arguments + count);
  if (names.empty())
    names = {"digits_cnn", "digits_cnn_int8", "control_flow_scripted", "gru_scripted",
             "loop",       "own_function",    "embedding_mlp",         "two_outputs"};
  std::vector<test::intact_file> models;
  for (auto const& name : names) models.push_back({name, test::bytes_of(TORCHDEPLOY_MODELS "/onnx/" + name + ".onnx")});
  int bad = 0;
  auto const sweep = [&](char const* title, auto use) {
    bad += test::sweep(title, "onnx", models, test::onnx_damages, cases, seed,
                       [&](test::file_bytes const& file, auto const&) { use(td::load<td::Onnx>(file)); });
  };
#ifdef TORCHDEPLOY_WITH_ONNXRUNTIME
  sweep("ONNX Runtime", [](auto model) {
    test::call_once(std::move(model) | td::deploy<td::OnnxRuntime>({.threads = {.intra = 1, .inter = 1}}));
  });
#endif
#ifdef TORCHDEPLOY_WITH_OPENVINO
  sweep("OpenVINO", [](auto model) { test::call_once(std::move(model) | td::deploy<td::OpenVino>({.threads = 1})); });
#endif
#if !defined(TORCHDEPLOY_WITH_ONNXRUNTIME) && !defined(TORCHDEPLOY_WITH_OPENVINO)
  sweep("load", [](auto const&) {});
#endif
  return bad != 0;
}
