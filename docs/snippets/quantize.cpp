#include <iostream>

#include "digits.hpp"

namespace td = torchdeploy;

namespace {

// [begin layers]
void print_layers(td::report const& report, char const* stage) {
  for (auto const& layer : report.find(stage)->layers)
    std::cout << layer.name << ' ' << layer.kind << ' ' << layer.precision
              << (layer.reason.empty() ? "" : ": " + layer.reason) << '\n';
}
// [end layers]

}  // namespace

int main() {
  // [begin quantize]
  auto const images = read_images("examples/data/digits_calibration_images.u8");
  auto const batches = in_batches(images, 16);

  // with samples: static, every activation and weight
  auto model = td::load<td::TorchScript>("examples/data/digits_cnn.pt") | td::quantize<td::Int8>(batches);
  print_layers(model.report(), "quantize");

  // without samples: dynamic, linear layers only
  auto dynamic = td::load<td::TorchScript>("examples/data/digits_cnn.pt") | td::quantize<td::Int8>();
  print_layers(dynamic.report(), "quantize");

  // another observer and engine, in any order
  auto onednn = td::load<td::TorchScript>("examples/data/digits_cnn.pt") |
                td::quantize<td::Int8, td::MinMax, td::Onednn>(batches);
  auto const& entry = *onednn.report().find("quantize");
  std::cout << entry.detail("engine") << ' ' << entry.detail("observer") << ' ' << entry.detail("int8") << '\n';
  // [end quantize]

  // [begin prune]
  auto small = std::move(model) | td::prune<td::L1>(0.3);
  std::cout << "sparsity " << small.report().find("prune")->detail("sparsity") << '\n';
  // [end prune]
}
