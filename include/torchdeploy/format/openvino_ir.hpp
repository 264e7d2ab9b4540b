#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <torchdeploy/components.hpp>
#include <torchdeploy/core/artifact.hpp>
#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/utf8.hpp>
#include <torchdeploy/format/load_options.hpp>
#include <torchdeploy/format/samples.hpp>

#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <torchdeploy/backend/tensor_model.hpp>
#include <torchdeploy/openvino/executable.hpp>
#include <torchdeploy/openvino/ir_file.hpp>
#include <torchdeploy/openvino/runtime.hpp>

namespace torchdeploy::inline v0 {
inline namespace with_openvino {

struct OpenVino;

/// OpenVINO's intermediate representation: an .xml file, and the weights in a .bin beside it. Made by `to_openvino`.
///
/// What the .xml says is checked before OpenVINO reads it: that it is well formed, its edges lead from layer to layer, and
/// its weights are inside the .bin. Files that `save` wrote say which .bin belongs to which .xml.
struct OpenVinoIr {
  using made_by = struct to_openvino_t;
  using runs_in = OpenVino;
  struct handle {
    std::shared_ptr<ov::Model const> model{};
  };
  using example = torchdeploy::example;
  using facts_on_load = facts<evaluating>;

  /// Constants can't be changed, so a copy shares them.
  static handle clone(handle const& model) { return {model.model->clone()}; }

  /// Read an .xml and its .bin. There is no reading of a stream or of bytes, since a model is two files.
  /// @throws load_error (101, 102, 103, 106, 107, 109), format_error (104, 105)
  static handle read(std::filesystem::path const& path, record<OpenVinoIr>& record, load_options const& options);
  template <class Source>
  static handle read(Source const&, record<OpenVinoIr>&, load_options const&) {
    throw load_error(errc::not_a_file, "expected the path of an .xml, got a stream or bytes: a model is two files",
                     "load<OpenVinoIr>(path)");
  }

  /// Both files, each whole or not at all.
  /// @throws export_error (201, 202, 203)
  static void write_to(handle const& model, record<OpenVinoIr> const&, std::filesystem::path const& path) {
    detail::write_ir(*model.model, path);
  }

  /// Of the weights.
  static std::uint64_t bytes(handle const& model) { return detail::weights_bytes(*model.model); }

  /// Does it hold this operator ("Convolution")?
  static bool has_operator(handle const& model, std::string_view name) {
    auto const all = model.model->get_ops();
    return std::any_of(all.begin(), all.end(), [&](auto const& each) { return each->get_type_name() == name; });
  }

  /// What the report says of such a model.
  static void describe(handle const& model, stage_report& entry);
};

inline void OpenVinoIr::describe(handle const& model, stage_report& entry) {
  std::map<std::string, int> counts;
  for (auto const& each : model.model->get_ops()) ++counts[each->get_type_name()];
  std::string operators;
  for (auto const& [name, count] : counts)
    if (name != "Constant" && name != "Parameter" && name != "Result")
      operators += (operators.empty() ? "" : ", ") + name + " " + std::to_string(count);
  auto const list = [](auto const& ports, std::string const& kind) {
    std::string all;
    for (std::size_t i = 0; i < ports.size(); ++i)
      all += (i ? ", " : "") + to_text(detail::info_of(ports[i], kind + "_" + std::to_string(i)));
    return detail::valid_utf8(all);
  };
  entry.details.emplace_back("inputs", list(model.model->inputs(), "input"));
  entry.details.emplace_back("outputs", list(model.model->outputs(), "output"));
  entry.details.emplace_back("operators", detail::valid_utf8(operators));
  if (counts.contains("FakeQuantize")) entry.details.emplace_back("quantized", "before");
}

inline OpenVinoIr::handle OpenVinoIr::read(std::filesystem::path const& path, record<OpenVinoIr>& record,
                                           load_options const& options) {
  if (options.device && !options.device->is_cpu())
    throw load_error(
        errc::device_unavailable,
        "expected no device, got " + options.device->str() + ": a model of OpenVINO's has none before it is deployed",
        "name it where the model is deployed: deploy<OpenVino>({.device = \"GPU\"})");
  if (!options.extra_files.empty())
    throw load_error(
        errc::extra_file_missing,
        "expected the extra file '" + options.extra_files.front() + "', got a model of OpenVINO's, which holds none",
        "keep it in a file beside the model");
  handle model{detail::read_ir(path)};
  auto& entry = record.report.current();
  entry.details.emplace_back("path", path.string());
  describe(model, entry);
  for (auto const& each : options.examples) record.add_example(each);
  entry.bytes_after = bytes(model);
  return model;
}

}  // namespace with_openvino
}  // namespace torchdeploy::inline v0

#else

namespace torchdeploy::inline v0 {
inline namespace without_openvino {

/// The tag alone: this build has no OpenVINO.
struct OpenVinoIr {
  struct handle {};
  using example = torchdeploy::example;
  using facts_on_load = facts<evaluating>;

  template <class Source>
  static handle read(Source const&, record<OpenVinoIr>&, load_options const&) {
    static_assert(sizeof(Source) == 0,
                  "load<OpenVinoIr> needs OpenVINO: find_package(torchdeploy COMPONENTS OpenVino), or define "
                  "TORCHDEPLOY_WITH_OPENVINO");
    return {};
  }
};

}  // namespace without_openvino
}  // namespace torchdeploy::inline v0

#endif
