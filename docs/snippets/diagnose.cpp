#include <iostream>
#include <vector>

#include "digits.hpp"

namespace td = torchdeploy;

int main() {
  td::quiet = true;
  // [begin]
  auto const images = read_images("examples/data/digits_test_images.u8");
  auto const model = td::load<td::TorchScript>("examples/data/digits_cnn_traced_train.pt");
  auto const findings = td::diagnose(model, {.samples = images.split(64), .expects = {"forward"}});
  std::cout << td::to_text(findings);
  // [end]
}
