// Rules for whoever runs a model, each with what happens otherwise.
#include <iostream>
#include <string>
#include <vector>

#include "digits.hpp"

namespace td = torchdeploy;

namespace {

void without_gradients() {
  // [begin no_grad]
  auto const images = read_images("examples/data/digits_test_images.u8");
  auto module = torch::jit::load("examples/data/digits_cnn.pt");
  for (auto const& each : module.parameters()) each.requires_grad_(true);  // as training leaves them
  std::cout << std::boolalpha << "by hand: " << module.forward({images}).toTensor().requires_grad();

  auto const session = td::evaluate(module) | td::deploy<td::LibTorch>();
  std::cout << ", in a session: " << session(images).requires_grad() << '\n';
  // [end no_grad]
}

void verified() {
  // [begin verify]
  auto const images = in_batches(read_images("examples/data/digits_test_images.u8"), 50);
  auto const reference = td::load<td::TorchScript>("examples/data/digits_cnn.pt");
  try {
    auto const model = reference.clone() | td::prune<td::L1>(0.9) | td::verify(reference, {.samples = images});
  } catch (td::verification_error const& failure) {
    std::cout << failure.what() << '\n';
  }
  // [end verify]
}

void fallbacks() {
  // [begin fallbacks]
  torch::jit::Module module("Net");
  module.register_parameter("weight", at::ones({4, 4}), false);
  module.register_parameter("bias", at::ones({4}), false);
  module.define("def forward(self, x):\n    return torch.addmm(self.bias, x, self.weight)\n");
  auto const model = td::evaluate(module) | td::quantize<td::Int8>(std::vector{at::rand({8, 4})});

  auto const& entry = *model.report().find("quantize");
  std::cout << entry.detail("int8") << " layers in int8\n" << td::to_text(entry.findings);
  for (auto const& layer : entry.layers) std::cout << layer.name << ": " << layer.reason << '\n';
  // [end fallbacks]
}

void streams() {
  // [begin state]
  torch::jit::Module module("Counter");
  module.register_buffer("count", at::zeros({1}));
  module.define("def forward(self, x):\n    self.count += 1\n    return x + self.count\n");
  auto const model = td::evaluate(module);
  std::cout << td::to_text(td::diagnose(model).front());

  auto const shared = model.clone() | td::deploy<td::LibTorch>();
  shared(at::zeros({1}));  // a call for one stream
  auto const own = model.clone() | td::deploy<td::LibTorch>();
  std::cout << "the first call for another: " << shared(at::zeros({1})).item<float>() << " in the same session, "
            << own(at::zeros({1})).item<float>() << " in its own\n";
  // [end state]
}

}  // namespace

int main() {
  td::quiet = true;
  without_gradients();
  verified();
  fallbacks();
  streams();
}
