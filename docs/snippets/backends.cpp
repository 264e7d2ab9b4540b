#include <filesystem>
#include <iostream>

#include "digits.hpp"

namespace td = torchdeploy;

namespace {

void phone(at::Tensor const& images) {
  (void)(td::load<td::TorchScript>("examples/data/digits_cnn.pt") | td::to_mobile() | td::save("model.ptl"));
  // [begin mobile]
  auto const session = td::load<td::MobileLite>("model.ptl") | td::deploy<td::MobileRuntime>();
  at::Tensor const logits = session(images);
  // [end mobile]
  std::cout << logits.sizes() << '\n';
}

void streams(at::Tensor const& chunk) {
  torch::jit::Module module("Level");
  module.register_buffer("level", at::zeros({1}));
  module.define("def forward(self, x):\n    return self.level.lerp_(x.abs().mean(), 0.1)\n");
  auto const session = td::evaluate(module) | td::deploy<td::LibTorch>();
  // [begin pool]
  auto const streams = session.pool(4);
  auto const stream = streams.acquire();  // waits until one is idle; given back at the end of its scope
  at::Tensor const level = (*stream)(chunk);
  // [end pool]
  std::cout << level.sizes() << ' ' << session.state().front() << '\n';
}

void first(std::vector<at::Tensor> const& samples) {
  // [begin first]
  auto const session = td::load<td::TorchScript>("examples/data/digits_cnn.pt")  //
                       | td::quantize<td::Int8>(samples)                         //
                       | td::deploy<td::first_available<td::OpenVino, td::LibTorch>>();  // in OpenVINO, if it is there
  // [end first]
  std::cout << "the first digit is a " << session(samples.front()).argmax(1)[0].item<std::int64_t>() << '\n';
}

}  // namespace

int main() {
  auto const images = read_images("examples/data/digits_test_images.u8");
  phone(images);
  streams(images);
  first(in_batches(read_images("examples/data/digits_calibration_images.u8"), 16));
}
