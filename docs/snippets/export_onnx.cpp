#include <iostream>
#include <vector>

#include "digits.hpp"

namespace td = torchdeploy;

namespace {

// [begin operator]
// -x * log(x), of x above 0: special_entr has no form of its own in ONNX
std::vector<td::onnx_value> entropy(td::onnx_call const& call) {
  auto const x = call.tensor("self");
  return {call.onnx.emit("Neg", {call.onnx.emit("Mul", {x, call.onnx.emit("Log", {x})})})};
}
// [end operator]

}  // namespace

int main() {
  auto const images = read_images("examples/data/digits_test_images.u8");
  auto const reference = td::load<td::TorchScript>("examples/data/digits_cnn.pt");
  // [begin]
  auto const onnx = td::load<td::TorchScript>("examples/data/digits_cnn.pt", {.examples = images})
                  | td::export_onnx({.inputs = {"image"}, .outputs = {"logits"}, .dynamic_axes = {{"image", {{0, "batch"}}}}})
                  | td::verify(reference)
                  | td::save("digits_cnn.onnx");
  // [end]
  for (auto const* ports : {&onnx.handle().inputs(), &onnx.handle().outputs()})
    for (auto const& each : *ports) std::cout << td::to_text(each) << '\n';

  torch::jit::Module model("Entropy");
  model.define("def forward(self, x):\n    return torch.special_entr(x).sum(1)\n");
  // [begin use]
  auto const own = td::evaluate(model, {.examples = at::rand({2, 10})})
                 | td::export_onnx({.operators = {{"aten::special_entr", entropy}}})
                 | td::verify(model);
  // [end use]
  std::cout << own.handle().summary->nodes() << " nodes\n";
}
