// The same library in a second translation unit: nothing may be defined twice.
#include <string>
#include <type_traits>
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

at::Tensor answer_of_the_other_file(char const* path, std::vector<at::Tensor> const& samples) {
  auto session = td::load<td::TorchScript>(path) | td::quantize<td::Int8>(samples) | td::deploy<td::LibTorch>();
  return session(samples[0]);
}

std::string runtime_of_the_other_file(char const* path, std::vector<at::Tensor> const& samples) {
  auto const first = td::load<td::TorchScript>(path, {.examples = samples}) |
                     td::deploy<td::first_available<td::OpenVino, td::LibTorch>>();
  return std::is_same_v<decltype(first), td::session<td::LibTorch> const> ? "LibTorch" : "OpenVINO";
}
