// The fixture models and what Python's torch says of them: script/models makes both.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <torchdeploy/backend/libtorch.hpp>
#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/pickle.hpp>
#include <torchdeploy/detail/libtorch/tensor_ops.hpp>
#include <torchdeploy/detail/notice.hpp>
#include <torchdeploy/format/torchscript.hpp>
#include <torchdeploy/stage/load.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>

#include "support/catch.hpp"
#include "support/raised.hpp"

namespace td = torchdeploy;

namespace test {

/// Findings are looked for in the report. Float convolutions depend on the number of threads; the references used one.
inline bool const quiet_and_single_threaded = [] {
  td::quiet = true;
  at::set_num_threads(1);
  return true;
}();

inline std::filesystem::path model_path(std::string const& name) {
  if (name.starts_with("digits_cnn")) return TORCHDEPLOY_TEST_DATA "/" + name + ".pt";
  return TORCHDEPLOY_MODELS "/" + name + (name == "silero_vad" ? ".jit" : ".pt");
}
inline auto load(std::string const& name) { return td::load<td::TorchScript>(model_path(name)); }

inline std::vector<char> bytes_of(std::filesystem::path const& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void write(std::filesystem::path const& path, std::string_view content) {
  std::ofstream(path, std::ios::binary).write(content.data(), static_cast<std::streamsize>(content.size()));
}

/// .deps/models/reference/NAME.pt
inline c10::IValue reference(std::string const& name) {
  return torch::jit::pickle_load(bytes_of(TORCHDEPLOY_MODELS "/reference/" + name + ".pt"));
}

inline std::vector<c10::IValue> list_at(c10::IValue const& dict, char const* key) {
  return dict.toGenericDict().at(key).toListRef().vec();
}
inline std::vector<at::Tensor> tensors_at(c10::IValue const& dict, char const* key) {
  std::vector<at::Tensor> all;
  for (auto const& each : list_at(dict, key)) all.push_back(each.toTensor());
  return all;
}

/// The first `count` digits of the test set, float32 [count, 1, 8, 8].
inline at::Tensor digits(std::int64_t count, std::string const& set = "test") {
  auto bytes = bytes_of(TORCHDEPLOY_TEST_DATA "/digits_" + set + "_images.u8");
  return at::from_blob(bytes.data(), {count, 1, 8, 8}, at::kByte).to(at::kFloat) / 16;
}
inline std::vector<at::Tensor> calibration_digits() { return digits(96, "calibration").split(16); }

/// All tensors of a result, in order.
inline std::vector<at::Tensor> flat(c10::IValue const& value) {
  std::vector<at::Tensor> all;
  auto const add = [&](c10::IValue const& each) {
    for (auto& tensor : flat(each)) all.push_back(std::move(tensor));
  };
  if (value.isTensor())
    all.push_back(value.toTensor());
  else if (value.isTuple())
    for (auto const& each : value.toTupleRef().elements()) add(each);
  else if (value.isGenericDict())
    for (auto const& each : value.toGenericDict()) add(each.value());
  else if (value.isList())
    for (auto const& each : value.toListRef()) add(each);
  return all;
}

inline bool same_bits(c10::IValue const& a, c10::IValue const& b) {
  auto const left = flat(a), right = flat(b);
  bool same = !left.empty() && left.size() == right.size();
  for (std::size_t i = 0; same && i < left.size(); ++i)
    same = left[i].scalar_type() == right[i].scalar_type() && at::equal(left[i], right[i]);
  return same;
}
inline bool close(c10::IValue const& a, c10::IValue const& b, double rtol = 1e-4, double atol = 1e-6) {
  auto const left = flat(a), right = flat(b);
  bool same = !left.empty() && left.size() == right.size();
  for (std::size_t i = 0; same && i < left.size(); ++i)
    same = left[i].sizes() == right[i].sizes() && at::allclose(left[i], right[i], rtol, atol);
  return same;
}
/// Signal to quantization noise, in dB.
inline double sqnr_db(at::Tensor const& signal, at::Tensor const& got) {
  auto const noise = (signal - got).to(at::kDouble).norm().item<double>();
  return 20 * std::log10(signal.to(at::kDouble).norm().item<double>() / noise);
}

/// LibTorch by itself, to compare with.
inline c10::IValue forward(torch::jit::Module module, td::example inputs) {
  c10::InferenceMode const inference;
  return module.forward(std::move(inputs));
}

/// `count` seeded random tensors.
inline std::vector<at::Tensor> noise(std::vector<std::int64_t> const& shape, int count = 4, std::uint64_t seed = 3) {
  auto const generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  std::vector<at::Tensor> all;
  for (int i = 0; i < count; ++i) all.push_back(at::randn(shape, generator));
  return all;
}

/// A module from TorchScript source.
inline torch::jit::Module scripted(std::string const& source) {
  torch::jit::Module module("Scripted");
  module.define(source + "\n");
  return module;
}

inline bool has_finding(td::report const& report, std::string_view id) {
  for (auto const& each : report.findings())
    if (each.id == id) return true;
  return false;
}

/// How many nodes of the graph are int8 layers of LibTorch's: quantized::conv2d_relu, quantized::linear_dynamic, ...
inline std::size_t int8_layers(torch::jit::Module const& lowered) {
  std::size_t count = 0;
  auto const graph = lowered.get_method("forward").graph();
  td::detail::for_each_node(*graph, [&](torch::jit::Node* node) {
    std::string_view const kind = node->kind().toQualString();
    bool const layer = kind.starts_with("quantized::conv") || kind.starts_with("quantized::linear");
    count += layer && kind.find("prepack") == kind.npos && kind.find("unpack") == kind.npos;
  });
  return count;
}

class temporary_folder {
 public:
  temporary_folder() : path_((std::filesystem::temp_directory_path() / "torchdeploy_XXXXXX").string()) {
    if (!::mkdtemp(path_.data())) throw std::runtime_error("no place for " + path_);
  }
  temporary_folder(temporary_folder const&) = delete;
  temporary_folder& operator=(temporary_folder const&) = delete;
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path operator/(std::string_view name) const { return std::filesystem::path(path_) / name; }
  std::filesystem::path path() const { return path_; }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::string path_;
};

}  // namespace test
