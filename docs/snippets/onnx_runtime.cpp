#include <iostream>

#include "digits.hpp"

namespace td = torchdeploy;

int main() {
  auto const images = read_images("examples/data/digits_test_images.u8");
  // [begin]
  auto const session =
      td::load<td::Onnx>("examples/data/digits_cnn.onnx") | td::deploy<td::OnnxRuntime>({.threads = {.intra = 2}});
  at::Tensor const logits = session(images);
  std::cout << logits.sizes() << " by a model of " << session.executable().metadata().producer << '\n';
  for (auto const& [name, nodes] : session.executable().providers()) std::cout << name << ' ' << nodes << '\n';
  // [end]
}
