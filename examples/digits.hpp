// The handwritten digits of examples/data, as tensors: images [N, 1, 8, 8] in 0..1, labels [N].
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

inline at::Tensor read_bytes(std::filesystem::path const& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("no such file: " + path.string() + " (run from the top of the repository)");
  std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  return at::from_blob(bytes.data(), {static_cast<std::int64_t>(bytes.size())}, at::kByte).clone();
}

inline at::Tensor read_images(std::filesystem::path const& path) {
  return read_bytes(path).reshape({-1, 1, 8, 8}).to(at::kFloat) / 16;
}

inline at::Tensor read_labels(std::filesystem::path const& path) { return read_bytes(path).to(at::kLong); }

/// Images in batches, as a model takes them.
inline std::vector<at::Tensor> in_batches(at::Tensor const& images, std::int64_t size) { return images.split(size); }

/// Percent of images that a session gives the right label.
template <class Session>
double accuracy(Session const& session, at::Tensor const& images, at::Tensor const& labels) {
  return session(images).argmax(1).eq(labels).to(at::kDouble).mean().template item<double>() * 100;
}
