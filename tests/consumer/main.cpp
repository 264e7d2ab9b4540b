#include <iostream>
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

at::Tensor answer_of_the_other_file(char const* path, std::vector<at::Tensor> const& samples);

int main(int, char** argv) {
  std::vector<at::Tensor> const samples{at::rand({4, 1, 8, 8})};
  auto session = td::load<td::TorchScript>(argv[1]) | td::quantize<td::Int8>(samples) | td::deploy<td::LibTorch>();
  auto const logits = session(samples[0]);
  std::cout << logits.sizes() << '\n';
#ifdef TORCHDEPLOY_WITH_JSON
  nlohmann::json const report = session.report();
  std::cout << report["stages"].size() << " stages\n";
#endif
  return at::equal(logits, answer_of_the_other_file(argv[1], samples)) ? 0 : 1;
}
