// Images of the kind that the image models were made with: `smooth_image` of tools/fixture_nets.py.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "support/models.hpp"

namespace test {

/// Coarse and fine smoothed noise with a tint and a contrast, in 0..1: float32 [count, 3, size, size].
inline at::Tensor smooth_images(std::int64_t count, std::int64_t size) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(1);
  std::vector<at::Tensor> all;
  for (std::int64_t i = 0; i < count; ++i) {
    auto const layer = [&](std::int64_t cells) {
      return at::upsample_bicubic2d(at::rand({1, 3, cells, cells}, generator), {size, size}, false)[0];
    };
    auto const cells = at::randint(2, 9, {}, generator, at::kLong).item<std::int64_t>();
    auto const mix = at::rand({2}, generator);
    auto const tint = at::rand({3, 1, 1}, generator);
    auto const coarse = layer(cells), fine = layer(4 * cells);
    auto const image = mix[0] * coarse + (1 - mix[0]) * fine;
    all.push_back(((0.3 + 0.7 * mix[1]) * image + 0.3 * tint).clamp(0, 1));
  }
  return at::stack(all);
}

/// Normalised as for ImageNet.
inline at::Tensor photos(std::int64_t count, std::int64_t size = 224) {
  auto const channels = [](std::initializer_list<float> of) { return at::tensor(of).view({3, 1, 1}); };
  return (smooth_images(count, size) - channels({0.485F, 0.456F, 0.406F})) / channels({0.229F, 0.224F, 0.225F});
}

/// Normalised as for MTCNN, to -1..1.
inline at::Tensor faces(std::int64_t count, std::int64_t size) { return smooth_images(count, size) * 2 - 1; }

}  // namespace test
