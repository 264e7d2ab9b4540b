#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <istream>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/components.hpp>
#include <torchdeploy/core/artifact.hpp>
#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/reader.hpp>
#include <torchdeploy/format/load_options.hpp>
#include <torchdeploy/format/samples.hpp>
#include <torchdeploy/onnx/onnx_summary.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX
#include <torchdeploy/onnx/check.hpp>
#include <torchdeploy/onnx/external_data.hpp>
#include <torchdeploy/onnx/rewrite.hpp>
#include <torchdeploy/onnx/wire.hpp>

namespace torchdeploy::inline v0 {

#if defined(TORCHDEPLOY_WITH_ONNXRUNTIME)
inline namespace with_onnxruntime {
struct OnnxRuntime;
}
#elif defined(TORCHDEPLOY_WITH_OPENVINO)
inline namespace with_openvino {
struct OpenVino;
}
#endif

/// A size that an export left open.
struct onnx_open_size {
  std::string name;  ///< "height"
  std::vector<std::pair<std::size_t, std::int64_t>> places{};  ///< inputs, and axes of them, that have it
  std::int64_t step = 1;  ///< sizes that the model takes are so far apart
};

/// A model of ONNX's: an .onnx file, and the files of its external data beside it where it has some.
///
/// All of it is checked before any runtime sees it, since runtimes crash on damaged files or ask for all memory there is:
/// protobuf, types, sizes of tensors, each node's inputs, and that external data are files of the model's own folder. The
/// handle holds the bytes as they were read and never changes them; copies share them.
struct Onnx {
  struct handle {
    detail::shared_bytes file{};  ///< a ModelProto, serialized
    detail::onnx_data data{};  ///< where its external data are
    std::shared_ptr<onnx_summary const> summary{};
    std::vector<onnx_open_size> open_sizes{};  ///< of a model that was exported here; `verify` asks for others of them

    [[nodiscard]] std::span<std::byte const> bytes() const { return *file; }
    [[nodiscard]] std::string_view text() const { return {reinterpret_cast<char const*>(file->data()), file->size()}; }
    [[nodiscard]] std::vector<tensor_info> const& inputs() const { return summary->inputs; }
    [[nodiscard]] std::vector<tensor_info> const& outputs() const { return summary->outputs; }
    [[nodiscard]] bool has_external_data() const { return !summary->external_files.empty(); }
  };
  using example = torchdeploy::example;
  using facts_on_load = facts<evaluating>;
  using made_by = struct export_onnx_t;
#if defined(TORCHDEPLOY_WITH_ONNXRUNTIME)
  using runs_in = OnnxRuntime;  ///< for verification
#elif defined(TORCHDEPLOY_WITH_OPENVINO)
  using runs_in = OpenVino;
#endif

  /// Nothing in a handle can be changed, so a copy shares all.
  static handle clone(handle const& model) { return model; }

  /// Read a file, a stream, or bytes in memory; external data only with a file.
  /// @throws load_error (101, 102, 103, 106, 107, 109), format_error (104, 105)
  static handle read(std::filesystem::path const& path, record<Onnx>& record, load_options const& options) {
    auto const file = detail::file_reader(path);
    auto const name = path.filename().string();
    detail::check_onnx_size(file->size(), name);
    record.report.current().details.emplace_back("path", path.string());
    return opened(detail::all_bytes(*file), name, detail::onnx_data(std::filesystem::absolute(path).parent_path()),
                  record, options);
  }
  static handle read(std::istream& stream, record<Onnx>& record, load_options const& options) {
    return opened(detail::all_bytes(stream), "the stream", {}, record, options);
  }
  static handle read(std::span<std::byte const> bytes, record<Onnx>& record, load_options const& options) {
    return opened(detail::all_bytes(bytes), "the bytes", {}, record, options);
  }

  /// One message, which holds 2 GB at most: external data are put inside.
  static void write(handle const& model, record<Onnx> const&, std::ostream& out) {
    auto const write = [&](std::string_view bytes) {
      out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    };
    if (model.has_external_data())
      write(detail::with_data_inside(model.text(), model.data, *model.summary));
    else
      write(model.text());
  }

  /// A file, and the files of its external data beside it. Each is written whole or not at all.
  static void write_to(handle const& model, record<Onnx> const& record, std::filesystem::path const& path) {
    if (model.has_external_data())
      detail::write_with_data_beside(model.text(), model.data, *model.summary, path);
    else
      detail::atomic_write(path, [&](std::ostream& out) { write(model, record, out); });
  }

  /// Of the file and its external data.
  static std::uint64_t bytes(handle const& model) { return model.file->size() + model.summary->external_bytes; }

  /// Does it hold this operator ("Conv", "com.microsoft::Gelu")?
  static bool has_operator(handle const& model, std::string_view name) {
    return model.summary->has_operator(std::string(name));
  }

  /// What the report says of such a model.
  static void describe(handle const& model, stage_report& entry);

 private:
  static handle opened(detail::shared_bytes bytes, std::string const& name, detail::onnx_data data,
                       record<Onnx>& record, load_options const& options);
};

inline void Onnx::describe(handle const& model, stage_report& entry) {
  auto const& summary = *model.summary;
  auto const list = [](auto const& all, auto to_string) {
    std::string joined;
    for (auto const& each : all) (joined += joined.empty() ? "" : ", ") += to_string(each);
    return joined;
  };
  auto const info = [](tensor_info const& each) { return to_text(each); };
  auto const add = [&](char const* key, std::string value) {
    if (!value.empty()) entry.details.emplace_back(key, detail::valid_utf8(value));
  };
  add("producer", summary.producer);
  add("ir version", std::to_string(summary.ir_version));
  add("opset", list(summary.opsets, [](auto const& each) {
        return (each.first.empty() ? "" : each.first + " ") + std::to_string(each.second);
      }));
  add("inputs", list(summary.inputs, info));
  add("outputs", list(summary.outputs, info));
  add("nodes", std::to_string(summary.nodes()));
  add("operators",
      list(summary.operators, [](auto const& each) { return each.first + " " + std::to_string(each.second); }));
  add("external data", list(summary.external_files, [](auto const& each) { return each; }));
  for (auto const* const each : {"QuantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger"})
    if (summary.has_operator(each)) return add("quantized", "before");
}

inline Onnx::handle Onnx::opened(detail::shared_bytes bytes, std::string const& name, detail::onnx_data data,
                                 record<Onnx>& record, load_options const& options) {
  if (options.device && !options.device->is_cpu())
    throw load_error(
        errc::device_unavailable,
        "expected no device, got " + options.device->str() + ": an ONNX model has none before it is deployed",
        "name it where the model is deployed: the runtime's options");
  if (!options.extra_files.empty())
    throw load_error(
        errc::extra_file_missing,
        "expected the extra file '" + options.extra_files.front() + "', got an ONNX model, which holds none",
        "what an ONNX model says of itself is in its metadata: handle().summary->metadata");
  handle model{std::move(bytes), std::move(data), {}};
  model.summary = std::make_shared<onnx_summary const>(detail::checked_onnx(model.text(), name, model.data));
  auto& entry = record.report.current();
  describe(model, entry);
  for (auto const& each : options.examples) record.add_example(each);
  entry.bytes_after = Onnx::bytes(model);
  return model;
}

}  // namespace torchdeploy::inline v0

#else

namespace torchdeploy::inline v0 {
inline namespace without_onnx {

/// The tag alone: this build reads no ONNX.
struct Onnx {
  struct handle {};
  using example = torchdeploy::example;
  using facts_on_load = facts<evaluating>;
  using made_by = struct export_onnx_t;

  template <class Source>
  static handle read(Source const&, record<Onnx>&, load_options const&) {
    static_assert(
        sizeof(Source) == 0,
        "load<Onnx> needs protozero: find_package(torchdeploy COMPONENTS Onnx), or define TORCHDEPLOY_WITH_ONNX");
    return {};
  }
};

}  // namespace without_onnx
}  // namespace torchdeploy::inline v0

#endif
