// One short use of each stage that needs no samples.
#include <filesystem>
#include <iostream>

#include "digits.hpp"

namespace td = torchdeploy;

namespace {

void loading() {
  // [begin load]
  auto const images = read_images("examples/data/digits_test_images.u8");
  auto model = td::load<td::TorchScript>("examples/data/digits_cnn.pt", {.examples = images.split(64)});
  std::cout << "examples: " << model.examples().size() << ", findings: " << model.report().findings().size() << '\n';

  td::quiet = true;  // say nothing on standard error: the report has it
  auto const trained = td::load<td::TorchScript>("examples/data/digits_cnn_scripted_train.pt");
  std::cout << trained.report().findings().front().id << '\n';
  // [end load]
}

void evaluating() {
  // [begin evaluate]
  torch::jit::Module module("Scale");
  module.register_parameter("factor", at::full({1}, 2.0), false);
  module.define("def forward(self, x):\n    return x * self.factor\n");
  auto const model = td::evaluate(module);
  std::cout << model.report().stages().front().bytes_after << " bytes of weights\n";
  // [end evaluate]
}

void freezing() {
  // [begin freeze]
  auto model = td::load<td::TorchScript>("examples/data/digits_cnn.pt") | td::freeze();
  std::cout << model.handle().parameters().size() << " parameters are left\n";  // they are constants of the graph
  // [end freeze]
}

void optimizing() {
  // [begin optimize]
  auto const images = read_images("examples/data/digits_test_images.u8");
  auto model =
      td::load<td::TorchScript>("examples/data/digits_cnn.pt", {.examples = std::vector{images}}) | td::optimize();
  std::cout << "tried on " << model.report().find("optimize")->detail("tried on") << '\n';
  // [end optimize]
}

void converting() {
  // [begin to_mobile]
  auto model = td::load<td::TorchScript>("examples/data/digits_cnn.pt") | td::freeze() | td::to_mobile() |
               td::save("digits.ptl");
  std::cout << model.report().find("to_mobile")->detail("operator list") << '\n';

  auto const session = td::load<td::MobileLite>("digits.ptl") | td::deploy<td::MobileRuntime>();
  std::cout << session(at::zeros({1, 1, 8, 8})).sizes() << '\n';
  // [end to_mobile]
}

void tapping() {
  // [begin tap]
  auto model = td::load<td::TorchScript>("examples/data/digits_cnn.pt") |
               td::tap([](auto const& m) { std::cout << m.handle().parameters().size() << " parameters\n"; }) |
               td::freeze() |
               td::tap([](auto const& m) { std::cout << m.handle().parameters().size() << " after freezing\n"; });
  // [end tap]
}

void saving() {
  // [begin save]
  auto model = td::load<td::TorchScript>("examples/data/digits_cnn.pt") | td::save("copy.pt")      // the float model
               | td::freeze() | td::save("frozen.pt");   // and the frozen one
  std::cout << std::boolalpha << std::filesystem::exists("copy.pt") << ' ' << std::filesystem::exists("frozen.pt")
            << '\n';
  // [end save]
}

void deploying() {
  // [begin deploy]
  auto const session =
      td::load<td::TorchScript>("examples/data/digits_cnn.pt") | td::freeze() | td::deploy<td::LibTorch>();
  auto const images = read_images("examples/data/digits_test_images.u8");
  at::Tensor const logits = session(images);          // one tensor: operator()
  c10::IValue const anything = session.run({images});  // whatever the model returns: run
  std::cout << logits.sizes() << ' ' << anything.tagKind() << '\n';
  // [end deploy]
}

}  // namespace

int main() {
  loading();
  evaluating();
  freezing();
  optimizing();
  converting();
  tapping();
  saving();
  deploying();
}
