#include <iostream>

#include "digits.hpp"

namespace td = torchdeploy;

int main() {
  auto const images = in_batches(read_images("examples/data/digits_calibration_images.u8"), 32);
  // [begin]
  auto const original = td::load<td::TorchScript>("examples/data/digits_cnn.pt");

  // one value of one layer is wrong
  auto broken = original.clone();
  auto parameters = broken.handle().named_parameters();
  for (auto const& each : parameters)
    if (each.name == "features.4.bias") {
      at::NoGradGuard const no_grad;
      each.value[3] += 0.5;
    }

  auto const found = td::first_divergence(broken, original, {.samples = images});
  std::cout << "first: " << found.layer << ", channel " << found.worst.index.at(1) << '\n';
  for (auto const& each : found.layers) std::cout << each.name << (each.diverges ? " differs" : " is the same") << '\n';
  // [end]
}
