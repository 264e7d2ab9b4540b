#include <iostream>
#include <string>
#include <type_traits>
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

at::Tensor answer_of_the_other_file(char const* path, std::vector<at::Tensor> const& samples);
std::string runtime_of_the_other_file(char const* path, std::vector<at::Tensor> const& samples);

// Which runtime this file's components bring; the other file has none of them, and names the same backends.
template <class Backend>
char const* name_of(td::session<Backend> const&) {
  return std::is_same_v<Backend, td::LibTorch> ? "LibTorch" : "OpenVINO";
}

int main(int, char** argv) {
  std::vector<at::Tensor> const samples{at::rand({4, 1, 8, 8})};
  auto session = td::load<td::TorchScript>(argv[1]) | td::quantize<td::Int8>(samples) | td::deploy<td::LibTorch>();
  auto const logits = session(samples[0]);
  std::cout << logits.sizes() << '\n';
#ifdef TORCHDEPLOY_WITH_JSON
  nlohmann::json const report = session.report();
  std::cout << report["stages"].size() << " stages\n";
#endif
  auto const first = td::load<td::TorchScript>(argv[1], {.examples = samples}) |
                     td::deploy<td::first_available<td::OpenVino, td::LibTorch>>();
  std::cout << name_of(first) << ' ' << first(samples[0]).sizes() << '\n';
  if (td::available<td::OpenVino> != (name_of(first) != runtime_of_the_other_file(argv[1], samples))) return 2;
  return at::equal(logits, answer_of_the_other_file(argv[1], samples)) ? 0 : 1;
}
