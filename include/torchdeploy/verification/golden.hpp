#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <torchdeploy/core/artifact.hpp>
#include <torchdeploy/detail/atomic_file.hpp>
#include <torchdeploy/detail/libtorch/failure.hpp>
#include <torchdeploy/detail/libtorch/pickle.hpp>
#include <torchdeploy/format/samples.hpp>
#include <torchdeploy/verification/comparison.hpp>
#include <torchdeploy/verification/outputs.hpp>
#include <torchdeploy/verification/runner.hpp>

namespace torchdeploy::inline v0 {

namespace detail {

[[noreturn]] inline void refuse_golden(std::filesystem::path const& path, std::string const& what) {
  throw verification_error(errc::golden_unreadable, "expected a golden file, got " + what + ": '" + path.string() + "'",
                           "write it with torch.save({'inputs': [...], 'outputs': [...]}, path) or record_golden");
}

/// The arguments that a recorded input stands for: a tuple or list is several.
inline example arguments_of(c10::IValue const& input) {
  return is_sequence(input) ? elements_of(input) : example{input};
}

inline c10::IValue read_pickle(std::filesystem::path const& path) {
  std::error_code failure;
  if (!std::filesystem::exists(path, failure)) refuse_golden(path, "no such file");
  if (std::filesystem::is_directory(path, failure)) refuse_golden(path, "a directory");
  // to open a pipe would wait for somebody to write to it
  if (!std::filesystem::is_regular_file(path, failure)) refuse_golden(path, "no regular file");
  std::ifstream in(path, std::ios::binary);
  std::vector<char> const bytes{std::istreambuf_iterator<char>(in), {}};
  if (!in && bytes.empty()) refuse_golden(path, "one that can't be read");
  if (bytes.empty()) refuse_golden(path, "an empty file");
  if (bytes.size() < 4 || std::string_view(bytes.data(), 4) != "PK\x03\x04")
    refuse_golden(path, "something that torch.save did not write");
  return translated<verification_error>(errc::golden_unreadable,
                                        "the golden file '" + path.filename().string() + "' is damaged", {},
                                        [&] { return torch::jit::pickle_load(bytes); });
}

/// As torch::pickle_save does, but without its type tags, which Python's `torch.load(path)` refuses since version 2.6.
inline void write_pickle(c10::IValue const& value, std::ostream& out) {
  std::string pickle;
  torch::jit::Pickler pickler([&](char const* bytes, std::size_t size) { pickle.append(bytes, size); }, nullptr,
                              nullptr, nullptr, nullptr, /*tag_aggregates=*/false);
  pickler.protocol();
  pickler.pushIValue(value);
  pickler.stop();
  caffe2::serialize::PyTorchStreamWriter archive([&](void const* bytes, std::size_t size) {
    out.write(static_cast<char const*>(bytes), static_cast<std::streamsize>(size));
    return out ? size : 0;
  });
  archive.writeRecord("data.pkl", pickle.data(), pickle.size());
  std::size_t number = 0;
  for (auto const& tensor : pickler.tensorData()) {
    auto const data = torch::jit::getWriteableTensorData(tensor);
    archive.writeRecord("data/" + std::to_string(number++), data.data(), data.sizeInBytes());
  }
  archive.writeEndOfFile();
}

}  // namespace detail

/// Recorded inputs and outputs as a reference: `verify(golden("golden.pt"))`.
///
/// The file is what Python's `torch.save` or `record_golden` writes: a dict of "inputs" and "outputs", two lists of the
/// same length, or a list of (input, output) pairs. An input is a tensor, or a tuple or list of arguments; an output is
/// whatever the model returns. It is read here, once; its inputs are good for `load(path, {.examples = inputs})` too.
///
/// Throws: verification_error 308.
///
/// @par Example
///     td::load<td::TorchScript>("model.pt") | td::verify(td::golden("golden.pt"));
class golden {
 public:
  explicit golden(std::filesystem::path path) : path_(std::move(path)) {
    auto const file = detail::read_pickle(path_);
    if (file.isGenericDict()) {
      auto const dict = file.toGenericDict();
      auto const list = [&](char const* name) {
        auto const at = dict.find(name);
        if (at == dict.end() || !detail::is_sequence(at->value()))
          detail::refuse_golden(path_, "a dict without a list of '" + std::string(name) + "'");
        return detail::elements_of(at->value());
      };
      for (auto const& each : list("inputs")) inputs_.push_back(detail::arguments_of(each));
      outputs_ = list("outputs");
    } else if (detail::is_sequence(file)) {
      for (auto const& each : detail::elements_of(file)) {
        if (!detail::is_sequence(each) || detail::elements_of(each).size() != 2)
          detail::refuse_golden(path_, "a list whose elements are not (input, output) pairs");
        auto pair = detail::elements_of(each);
        inputs_.push_back(detail::arguments_of(pair[0]));
        outputs_.push_back(std::move(pair[1]));
      }
    } else {
      detail::refuse_golden(path_, detail::kind_text(file));
    }
    if (inputs_.size() != outputs_.size())
      detail::refuse_golden(
          path_, std::to_string(inputs_.size()) + " inputs for " + std::to_string(outputs_.size()) + " outputs");
    if (inputs_.empty()) detail::refuse_golden(path_, "one without samples");
  }

  [[nodiscard]] std::filesystem::path const& path() const { return path_; }
  [[nodiscard]] std::vector<example> const& inputs() const { return inputs_; }
  [[nodiscard]] std::vector<c10::IValue> const& outputs() const { return outputs_; }

 private:
  std::filesystem::path path_;
  std::vector<example> inputs_;
  std::vector<c10::IValue> outputs_;
};

/// What `record_golden` runs and writes.
struct golden_options {
  torchdeploy::samples samples{};  ///< to record; default: the artifact's examples
};

/// Write down what a model answers, to check another file, or another version of LibTorch, against.
///
/// The samples run in order through a copy, in the form that will run (a quantized artifact is lowered); without `.samples` the
/// artifact's examples do. The file is written whole or not at all, and Python's `torch.load` reads it too.
///
/// Throws: verification_error 301, 306; export_error 201, 202; quantization_error 409.
///
/// @par Example
///     td::record_golden(model, "golden.pt", {.samples = images});
template <class Format, class Facts>
  requires runs<Format>
void record_golden(artifact<Format, Facts> const& model, std::filesystem::path const& path,
                   golden_options const& options = {}) {
  std::vector<example> inputs(options.samples.begin(), options.samples.end());
  if (inputs.empty()) inputs = model.examples();
  if (inputs.empty())
    throw verification_error(errc::no_examples,
                             "expected samples to record, got none, and the artifact has no examples",
                             "record_golden(model, path, {.samples = images})");
  detail::runner<Format> run(model.handle(), model.record());
  c10::impl::GenericList recorded_inputs(c10::AnyType::get()), recorded_outputs(c10::AnyType::get());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    // copies: a view would be written with the whole storage that it is a view of
    recorded_inputs.push_back(c10::ivalue::Tuple::create(detail::copy_of(inputs[i])));
    recorded_outputs.push_back(
        detail::translated<verification_error>(errc::model_raised, "the model raised on sample " + std::to_string(i),
                                               {}, [&] { return detail::copy_of(run(inputs[i])); }));
  }
  c10::impl::GenericDict file(c10::StringType::get(), c10::AnyType::get());
  file.insert("inputs", recorded_inputs);
  file.insert("outputs", recorded_outputs);
  detail::atomic_write(path, [&](std::ostream& out) { detail::write_pickle(file, out); });
}

}  // namespace torchdeploy::inline v0
