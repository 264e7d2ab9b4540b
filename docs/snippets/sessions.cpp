#include <iostream>

#include "digits.hpp"

namespace td = torchdeploy;

int main() {
  auto const images = in_batches(read_images("examples/data/digits_calibration_images.u8"), 32);
  // [begin]
  auto const original = td::load<td::TorchScript>("examples/data/digits_cnn.pt", {.examples = images});
  auto const phone =
      original.clone() | td::quantize<td::Int8>(images) | td::to_mobile() | td::deploy<td::MobileRuntime>();

  auto const result = td::verify(phone, original, {.agreement = 0.98});  // throws if it doesn't hold
  std::cout << result.criteria.at(0).wanted << ", on " << result.samples << " samples\n";

  auto const pruned = original.clone() | td::prune<td::L1>(0.1);
  std::cout << td::compare(pruned, phone).why << '\n';  // a session is a reference too
  // [end]
}
