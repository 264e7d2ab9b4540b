// A model whose weights no one message of ONNX's can hold: exported, called in ONNX Runtime from memory, saved, loaded, and
// called again; with the memory that the export took, 1.2 times the weights at most beside the module's own. Needs 12 GB of
// memory and 3 GB of disk for its 2.4 GB.
//
//     soak_large_weights [MEGABYTES] [TENSORS]
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

#include "support/models.hpp"

namespace {

/// In millions of bytes: "VmRSS:", "VmHWM:".
double memory(std::string const& which) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == which) {
      double kilobytes = 0;
      status >> kilobytes;
      return kilobytes * 1024 / 1e6;
    }
  return 0;
}
void forget_peak() { std::ofstream("/proc/self/clear_refs") << 5; }

}  // namespace

int main(int count, char** arguments) {
  auto const megabytes = count > 1 ? std::atoll(arguments[1]) : 2400;
  auto const tensors = count > 2 ? std::atoll(arguments[2]) : 16;
  constexpr std::int64_t columns = 5'000;
  auto const rows = megabytes * 1'000'000 / 4 / columns / tensors;
  torch::jit::Module module("large");
  std::string forward = "def forward(self, x):\n    y = x.new_zeros([x.size(0), " + std::to_string(rows) + "])\n";
  auto const input = at::rand({2, columns});
  auto expected = at::zeros({2, rows});
  for (std::int64_t i = 0; i < tensors; ++i) {
    auto const name = "weight" + std::to_string(i);
    auto const weight = at::rand({rows, columns});
    module.register_parameter(name, weight, /*is_buffer=*/false);
    forward += "    y = y + torch.mm(x, self." + name + ".t())\n";
    expected += at::mm(input, weight.t());
  }
  module.define(forward + "    return y\n");
  auto const weights = static_cast<double>(rows * columns * tensors * 4) / 1e6;

  test::temporary_folder const folder;
  auto const right = [&](char const* where, auto const& model) {
    auto const session = model.clone() | td::deploy<td::OnnxRuntime>();
    bool const is = at::allclose(session.run({input}).toTensor(), expected, 1e-4, 1e-2);
    std::printf("%-12s %s\n", where, is ? "equal" : "WRONG");
    return is;
  };
  auto artifact = td::evaluate(module, {.examples = std::vector{input}});
  auto const before = memory("VmRSS:");
  forget_peak();
  auto const model = std::move(artifact) | td::export_onnx();
  auto const peak = memory("VmHWM:") - before;
  std::printf("weights %.0f MB in %lld tensors; exported: %s, which took %.0f MB more, %.2f of the weights\n", weights,
              static_cast<long long>(tensors), model.handle().has_external_data() ? "external data" : "one file", peak,
              peak / weights);
  bool good = right("from memory", model);
  model.clone() | td::save(folder / "large.onnx");
  good = right("from a file", td::load<td::Onnx>(folder / "large.onnx")) && good;
  return good && peak <= 1.2 * weights ? 0 : 1;
}
