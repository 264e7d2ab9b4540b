#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <istream>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include <torchdeploy/core/artifact.hpp>
#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/compiler_lock.hpp>
#include <torchdeploy/detail/libtorch/failure.hpp>
#include <torchdeploy/detail/libtorch/lstm_check.hpp>
#include <torchdeploy/detail/libtorch/model_graph.hpp>
#include <torchdeploy/detail/libtorch/reader.hpp>
#include <torchdeploy/detail/notice.hpp>
#include <torchdeploy/diagnosis/at_load.hpp>
#include <torchdeploy/format/load_options.hpp>
#include <torchdeploy/format/samples.hpp>
#include <torchdeploy/quantization/lowering.hpp>

namespace torchdeploy::inline v0 {

/// A scripted or traced module: the file that `torch.jit.save` writes.
///
/// The handle is a `torch::jit::Module`, in evaluation mode. A quantized one stays in reference form and is lowered
/// where it leaves.
struct TorchScript {
  using handle = torch::jit::Module;
  using example = torchdeploy::example;
  using facts_on_load = facts<evaluating>;
  struct extras {
    std::unordered_map<std::string, std::string>
        files{};  ///< extra files inside the .pt: read by load, written by save
    std::optional<reference_form> reference{};  ///< set by quantize: how to lower the module
    std::unordered_map<std::string, at::Tensor>
        masks{};  ///< set by prune: what is kept (bool) of a weight, by its path
  };

  /// Copies data and code. No tensor and no graph is shared.
  static handle clone(handle const& module) {
    detail::compiler_lock const alone;
    return detail::cloned(module);
  }

  /// A copy to run and not to write: the sizes that an LSTM gets are compared before oneDNN takes them on trust.
  static handle runnable(handle const& module) { return detail::with_checked_lstm(clone(module)); }

  /// @throws load_error (108) for a module without forward, or without anything.
  static void demand_forward(handle const& module) {
    bool const runs = detail::translated<load_error>(errc::module_unusable, "expected a module, got an empty one", {},
                                                     [&] { return module.find_method("forward").has_value(); });
    if (!runs)
      throw load_error(errc::module_unusable, "expected a module with a forward method, got none",
                       "export the method as forward, or script the module that has it");
  }

  /// A module from code becomes an artifact; the caller's own module stays as it is.
  static artifact<TorchScript, facts<evaluating>> adopt(handle const& module, evaluate_options const& options = {});

  /// Read a file, a stream, or bytes in memory.
  /// @throws load_error (101, 102, 103, 106, 107, 108), format_error (104, 105), quantization_error (404)
  static handle read(std::filesystem::path const& path, record<TorchScript>& record, load_options const& options);
  static handle read(std::istream& stream, record<TorchScript>& record, load_options const& options);
  static handle read(std::span<std::byte const> bytes, record<TorchScript>& record, load_options const& options);

  /// The model that leaves: lowered if it was quantized, else the module itself.
  static handle leaving(handle const& module, record<TorchScript> const& record) {
    if (!record.extras.reference) return module;
    return detail::lowered(module, *record.extras.reference, detail::exported_methods(module));
  }

  static void write(handle const& module, record<TorchScript> const& record, std::ostream& out) {
    detail::translated<export_error>(errc::not_serializable, "LibTorch can't write this module", {}, [&] {
      detail::compiler_lock const alone;
      auto files = record.extras.files;
      if (record.extras.reference) record.extras.reference->stamp(files);
      leaving(module, record).save(out, files);
    });
  }

  /// One call of `forward`, without gradients.
  static c10::IValue run(handle& module, example const& inputs) {
    detail::operators_ran = true;
    c10::InferenceMode const inference;
    return module.forward(inputs);
  }

  static std::uint64_t bytes(handle const& module) { return detail::tensor_bytes(module); }

  /// Does `forward` run it ("aten::lstm")?
  static bool has_operator(handle const& module, std::string_view qualified) {
    return detail::has_operator(*detail::settled_graph(module), qualified);
  }

 private:
  static handle opened(handle module, record<TorchScript>& record, samples const& examples);
};

/// Evaluation mode, and what there is to be said of the module: the cheap checks that every load makes.
inline TorchScript::handle TorchScript::opened(handle module, record<TorchScript>& record, samples const& examples) {
  auto& entry = record.report.current();
  demand_forward(module);
  entry.findings = detail::found_in_flags(module);
  if (!entry.findings.empty()) module.eval();
  auto const graph = detail::translated<load_error>(errc::module_unusable, "the graph of forward can't be read", {},
                                                    [&] { return detail::settled_graph(module); });
  detail::find_at_load({module, "forward", graph}, entry.findings);
  bool const lowered = detail::is_lowered(*graph);
  if (lowered) entry.details.emplace_back("quantized", "before");
  detail::tell_stamps(record.extras.files, lowered, entry);
  for (auto const& each : examples) record.add_example(each);
  entry.bytes_after = bytes(module);
  for (auto const& each : entry.findings) detail::notice(each);
  return module;
}

inline artifact<TorchScript, facts<evaluating>> TorchScript::adopt(handle const& module,
                                                                   evaluate_options const& options) {
  demand_forward(module);
  record<TorchScript> record;
  auto opened_module = [&] {
    auto const clock = record.report.start("evaluate");
    return opened(detail::translated<load_error>(errc::module_unusable, "LibTorch can't copy this module", {},
                                                 [&] { return clone(module); }),
                  record, options.examples);
  }();
  return artifact<TorchScript, facts<evaluating>>(std::move(opened_module), std::move(record));
}

inline TorchScript::handle TorchScript::read(std::filesystem::path const& path, record<TorchScript>& record,
                                             load_options const& options) {
  auto const reader = detail::file_reader(path);
  record.report.current().details.emplace_back("path", path.string());
  return opened(
      detail::read_module(reader, path.filename().string(), record.extras.files, options.device, options.extra_files),
      record, options.examples);
}

inline TorchScript::handle TorchScript::read(std::span<std::byte const> bytes, record<TorchScript>& record,
                                             load_options const& options) {
  auto const reader = detail::memory_reader(detail::all_bytes(bytes));
  return opened(detail::read_module(reader, "the bytes", record.extras.files, options.device, options.extra_files),
                record, options.examples);
}

inline TorchScript::handle TorchScript::read(std::istream& stream, record<TorchScript>& record,
                                             load_options const& options) {
  auto const reader = detail::memory_reader(detail::all_bytes(stream));
  return opened(detail::read_module(reader, "the stream", record.extras.files, options.device, options.extra_files),
                record, options.examples);
}

}  // namespace torchdeploy::inline v0
