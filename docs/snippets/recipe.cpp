#include <iostream>

#include "digits.hpp"

namespace td = torchdeploy;

int main() {
  // [begin]
  auto const samples = in_batches(read_images("examples/data/digits_calibration_images.u8"), 16);
  auto const recipe = td::load<td::TorchScript>()        // nothing runs yet
                      | td::quantize<td::Int8>(samples)    // borrowed: samples must live as long as the recipe
                      | td::prune<td::L1>(0.3) | td::deploy<td::LibTorch>();

  auto const images = read_images("examples/data/digits_test_images.u8");
  for (auto const* file : {"examples/data/digits_cnn.pt", "examples/data/digits_cnn_traced.pt"}) {
    auto const session = recipe(file);
    std::cout << session.report().stages().size() << " stages, " << session.report().find("quantize")->detail("int8")
              << " layers in int8, output " << session(images).sizes() << '\n';
  }
  // [end]
}
