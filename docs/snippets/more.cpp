// The README's second look: pruning of slices, mobile, diagnosis, warming up, the first layer that differs.
#include <iostream>

#include "digits.hpp"

namespace td = torchdeploy;

int main() {
  td::quiet = true;
  auto const images = in_batches(read_images("examples/data/digits_calibration_images.u8"), 16);
  auto const reference = td::load<td::TorchScript>("examples/data/digits_cnn.pt");
  // [begin]
  // what is wrong with a file, before you build on it
  auto const suspect = td::load<td::TorchScript>("examples/data/digits_cnn_traced_train.pt");
  std::cout << td::to_text(td::diagnose(suspect, {.samples = images}).front());

  // one layer kept in float32, for an older CPU than this one; a quarter of the channels of two layers pruned
  auto model = reference.clone()
             | td::quantize<td::Int8>(images, {.overrides = {{"classifier.4", td::float32}}, .target = td::isa::avx2})
             | td::prune<td::L2>(0.25, {.dimension = 0, .layers = {"features.*"}});

  // the first layer that leaves the tolerance, and by how much
  auto const found = td::first_divergence(model, reference, {.samples = images});
  std::cout << "parts at " << found.layer << '\n';

  td::save_html(model.report(), "report.html");  // the page above

  // for a phone: LibTorch's lite interpreter, verified like any other
  auto mobile = reference.clone() | td::freeze() | td::to_mobile() | td::verify(reference, {.samples = images})
              | td::save("model.ptl");

  // the slow first calls, made before the first user
  auto const session = std::move(model) | td::deploy<td::LibTorch>({.threads = {.intra = 1}});
  session.warmup(10, {.samples = images});
  // [end]
}
