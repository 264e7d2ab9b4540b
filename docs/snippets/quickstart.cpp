#include <iostream>

#include "digits.hpp"

namespace td = torchdeploy;

int main() {
  // [begin]
  auto const samples = in_batches(read_images("examples/data/digits_calibration_images.u8"), 16);
  auto const reference = td::load<td::TorchScript>("examples/data/digits_cnn.pt");

  auto model = td::load<td::TorchScript>("examples/data/digits_cnn.pt")  //
               | td::quantize<td::Int8>(samples)                           //
               | td::prune<td::L1>(0.3)                                    //
               | td::verify(reference)                                     //
               | td::save("digits_int8.pt");

  auto const session = std::move(model) | td::deploy<td::LibTorch>();
  std::cout << "the first digit is a " << session(samples.front()).argmax(1)[0].item<std::int64_t>() << '\n';
  // [end]
}
