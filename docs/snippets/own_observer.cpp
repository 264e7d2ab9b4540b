#include <algorithm>
#include <iostream>

#include "digits.hpp"

namespace td = torchdeploy;

// [begin]
/// The range of what was seen, cut off at 6.
struct Clipped {
  static constexpr std::string_view name = "clipped";

  void observe(at::Tensor const& x) { all_.observe(x); }
  std::optional<td::value_range> range() const {
    auto range = all_.range();
    if (range) range->max = std::min(range->max, 6.0f);
    return range;
  }

 private:
  td::MinMax all_;
};

int main() {
  auto const samples = in_batches(read_images("examples/data/digits_calibration_images.u8"), 16);
  auto model = td::load<td::TorchScript>("examples/data/digits_cnn.pt") | td::quantize<td::Int8, Clipped>(samples);
  std::cout << model.report().find("quantize")->detail("observer") << '\n';
}
// [end]
