#include <iostream>

#include "digits.hpp"

namespace td = torchdeploy;

int main() {
  auto const images = in_batches(read_images("examples/data/digits_calibration_images.u8"), 32);
  // [begin]
  auto const session = td::load<td::TorchScript>("examples/data/digits_cnn.pt", {.examples = images}) |
                       td::deploy<td::OpenVino>({.threads = 2});
  at::Tensor const logits = session(images.front());
  std::cout << session.inputs().front().name << " -> " << logits.sizes() << '\n';
  for (auto const& layer : session.executable().layers())
    if (layer.kind == "FullyConnected") std::cout << layer.kind << ' ' << layer.precision << '\n';
  // [end]
}
