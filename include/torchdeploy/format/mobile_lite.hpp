#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <istream>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <torchdeploy/core/artifact.hpp>
#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/failure.hpp>
#include <torchdeploy/detail/libtorch/mobile_check.hpp>
#include <torchdeploy/detail/libtorch/mobile_code.hpp>
#include <torchdeploy/detail/libtorch/reader.hpp>
#include <torchdeploy/detail/notice.hpp>
#include <torchdeploy/format/load_options.hpp>
#include <torchdeploy/format/samples.hpp>
#include <torchdeploy/quantization/isa.hpp>

namespace torchdeploy::inline v0 {

/// A module of LibTorch's lite interpreter: the file (.ptl) that `_save_for_lite_interpreter` writes, made here by
/// `to_mobile`.
///
/// LibTorch can read such a module and not write it again, so the handle keeps the bytes that it was read from: `save`
/// writes these. A handle copies by aliasing; `clone` reads the bytes anew.
struct MobileLite {
  using made_by = struct to_mobile_t;
  struct handle {
    torch::jit::mobile::Module module{};
    detail::shared_bytes file{};
  };
  using example = torchdeploy::example;
  using facts_on_load = facts<evaluating>;
  struct extras {
    std::unordered_map<std::string, std::string> files{};  ///< extra files inside the .ptl, as they were read
  };

  static handle clone(handle const& model) {
    extras ignored;
    auto copy = opened(model.file, "the model", ignored, {});
    detail::evaluate(copy.module);
    return copy;
  }

  /// Read a file, a stream, or bytes in memory.
  /// @throws load_error (101, 102, 103, 106, 107, 108), format_error (104, 105), quantization_error (404)
  static handle read(std::filesystem::path const& path, record<MobileLite>& record, load_options const& options) {
    auto const bytes = detail::all_bytes(*detail::file_reader(path));
    record.report.current().details.emplace_back("path", path.string());
    return read_shared(bytes, path.filename().string(), record, options);
  }
  static handle read(std::istream& stream, record<MobileLite>& record, load_options const& options) {
    return read_shared(detail::all_bytes(stream), "the stream", record, options);
  }
  static handle read(std::span<std::byte const> bytes, record<MobileLite>& record, load_options const& options) {
    return read_shared(detail::all_bytes(bytes), "the bytes", record, options);
  }

  /// What this process wrote itself: there is nothing to say of it.
  static handle read_again(std::span<std::byte const> bytes, extras& extras) {
    auto model = opened(detail::all_bytes(bytes), "the bytes", extras, {});
    detail::evaluate(model.module);
    return model;
  }

  static void write(handle const& model, record<MobileLite> const&, std::ostream& out) {
    out.write(reinterpret_cast<char const*>(model.file->data()), static_cast<std::streamsize>(model.file->size()));
  }

  /// One call of `forward`, without gradients.
  static c10::IValue run(handle& model, example const& inputs) {
    c10::InferenceMode const inference;
    example stack{model.module._ivalue()};
    for (auto const& each : inputs) stack.push_back(each);
    detail::find_method(model.module, "forward")->run(stack);
    return stack.back();
  }

  /// Of the file.
  static std::uint64_t bytes(handle const& model) { return model.file->size(); }

  /// Does it hold this operator ("aten::lstm")?
  static bool has_operator(handle const& model, std::string_view qualified) {
    return detail::has_operator(model.module, qualified);
  }

  /// What the report says of such a module.
  static void describe(handle const& model, stage_report& entry) {
    auto const operators = detail::operators_of(model.module);
    std::string all;
    for (auto const& each : operators) all += (all.empty() ? "" : " ") + each;
    entry.details.emplace_back("bytecode version", std::to_string(model.module.bytecode_version()));
    entry.details.emplace_back("operators", std::to_string(operators.size()));
    entry.details.emplace_back("operator list", all);
  }

 private:
  static handle read_shared(detail::shared_bytes const& bytes, std::string const& name, record<MobileLite>& record,
                            load_options const& options);
  static handle opened(detail::shared_bytes const& bytes, std::string const& name, extras& extras,
                       load_options const& options);
};

/// The module in these bytes, once they are known to be what LibTorch reads.
inline MobileLite::handle MobileLite::opened(detail::shared_bytes const& bytes, std::string const& name, extras& extras,
                                             load_options const& options) {
  constexpr auto advice = "make one: load<TorchScript>(path) | to_mobile() | save(\"model.ptl\")";
  auto const reader = detail::memory_reader(bytes);
  auto const inspect = [&](caffe2::serialize::PyTorchStreamReader& archive) {
    if (!archive.hasRecord("bytecode.pkl"))
      throw format_error(errc::wrong_format,
                         "expected a mobile module, got " +
                             (archive.hasRecord("constants.pkl") ? std::string("TorchScript without bytecode")
                                                                 : detail::kind_of_foreign_archive(archive)) +
                             " in '" + name + "'",
                         advice);
    auto const bytecode = static_cast<std::uint64_t>(detail::check_bytecode(archive));
    auto const [oldest, newest] = torch::jit::_get_runtime_bytecode_min_max_versions();
    if (bytecode < oldest || bytecode > newest)
      throw format_error(errc::wrong_format,
                         "expected bytecode of version " + std::to_string(oldest) + " to " + std::to_string(newest) +
                             ", got " + std::to_string(bytecode) + " in '" + name + "'",
                         advice);
  };
  auto module = detail::read_archive(reader, name, "a mobile module (.ptl)", advice, extras.files, options.device,
                                     options.extra_files, inspect, [&](torch::jit::ExtraFilesMap& files) {
                                       auto result = torch::jit::_load_for_mobile(
                                           std::make_unique<detail::memory_adapter>(bytes), options.device, files);
                                       detail::check_code(result);
                                       detail::check_lstms(result);
                                       return result;
                                     });
  if (!detail::find_method(module, "forward"))
    throw load_error(errc::module_unusable, "expected a module with a forward method, got none in '" + name + "'",
                     "export the method as forward, or script the module that has it");
  return {std::move(module), bytes};
}

inline MobileLite::handle MobileLite::read_shared(detail::shared_bytes const& bytes, std::string const& name,
                                                  record<MobileLite>& record, load_options const& options) {
  auto& entry = record.report.current();
  auto model = opened(bytes, name, record.extras, options);
  if (detail::evaluate(model.module))
    entry.findings.push_back({"train-mode-flag", severity::warning, "forward", "the model was saved in train mode",
                              "it was put into evaluation mode, its file was not; call eval() before exporting"});
  auto const operators = detail::operators_of(model.module);
  bool const int8 =
      std::any_of(operators.begin(), operators.end(), [](auto const& each) { return each.starts_with("quantized::"); });
  detail::tell_stamps(record.extras.files, int8, entry);
  describe(model, entry);
  for (auto const& each : options.examples) record.add_example(each);
  entry.bytes_after = MobileLite::bytes(model);
  for (auto const& each : entry.findings) detail::notice(each);
  return model;
}

}  // namespace torchdeploy::inline v0
