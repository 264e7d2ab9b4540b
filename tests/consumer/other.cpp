// The same library in a second translation unit: nothing may be defined twice.
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

at::Tensor answer_of_the_other_file(char const* path, std::vector<at::Tensor> const& samples) {
  auto session = td::load<td::TorchScript>(path) | td::quantize<td::Int8>(samples) | td::deploy<td::LibTorch>();
  return session(samples[0]);
}
