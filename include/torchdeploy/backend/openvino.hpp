#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <torchdeploy/backend/backend.hpp>
#include <torchdeploy/backend/tensor_model.hpp>
#include <torchdeploy/components.hpp>
#include <torchdeploy/core/number_text.hpp>
#include <torchdeploy/format/onnx.hpp>
#include <torchdeploy/format/openvino_ir.hpp>
#include <torchdeploy/format/torchscript.hpp>
#include <torchdeploy/onnx/layer_names.hpp>

#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <torchdeploy/openvino/convert.hpp>
#include <torchdeploy/openvino/executable.hpp>
#include <torchdeploy/openvino/layer_results.hpp>
#include <torchdeploy/openvino/runtime.hpp>
#include <torchdeploy/openvino/wide_integers.hpp>
#endif

namespace torchdeploy::inline v0 {

/// What a CPU or GPU is to be good at, where neither threads nor streams are said.
enum class openvino_hint { latency, throughput };

/// What a deployment for OpenVINO may be told.
struct openvino_options {
  std::string device = "CPU";  ///< one of OpenVINO's: "CPU", "GPU.0", "AUTO", "HETERO:GPU,CPU"
  /// What floating point is computed in: `at::kFloat`, `at::kBFloat16`, `at::kHalf`; nothing: what the device prefers, which
  /// on CPUs with bf16 instructions is bf16. Layers of a quantized artifact run in int8 all the same.
  std::optional<at::ScalarType> precision = at::kFloat;
  std::optional<int> threads{};  ///< of all streams together; default: OpenVINO's, one for each core
  std::optional<int> streams{};  ///< calls that run at the same time; default: OpenVINO's, one
  std::optional<openvino_hint> hint{};  ///< OpenVINO chooses streams and threads by it
  std::filesystem::path cache{};  ///< a folder where compiled models are kept; empty: none
  bool profile = false;  ///< measure each layer: `session.executable().profile()`
  std::string method = "forward";  ///< of a TorchScript model
  std::map<std::string, std::string> properties{};  ///< any other property of OpenVINO's, by its name
};

#ifdef TORCHDEPLOY_WITH_OPENVINO
inline namespace with_openvino {

/// OpenVINO, for TorchScript as it is, ONNX and OpenVINO's own files. Results are float32's unless asked otherwise.
struct OpenVino {
  using consumes = one_of<TorchScript, Onnx, OpenVinoIr>;
  using options = openvino_options;
  static constexpr bool available = true;
  static constexpr bool is_component = true;
  using compiled = tensor_model<openvino_executable>;

  /// @throws backend_error 601, 607-610
  static compiled compile(torch::jit::Module const& module, record<TorchScript>& record, options const& options) {
    return compiled_for(record.report.current(), options,
                        [&] { return detail::to_openvino(module, options.method, record.examples); });
  }
  static compiled compile(Onnx::handle const& model, record<Onnx>& record, options const& options) {
    return compiled_for(record.report.current(), options, [&] { return detail::read_onnx(model); });
  }
  static compiled compile(OpenVinoIr::handle const& model, record<OpenVinoIr>& record, options const& options) {
    return compiled_for(record.report.current(), options, [&] { return model.model; });
  }

  /// See `shows_layers`.
  static layer_outputs<openvino_executable> look_into(torch::jit::Module const& module, record<TorchScript>& record,
                                                      options const& options, std::span<std::string const> layers) {
    return shown(record.report.current(), options, layers,
                 [&] { return detail::to_openvino(module, options.method, record.examples); });
  }
  static layer_outputs<openvino_executable> look_into(OpenVinoIr::handle const& model, record<OpenVinoIr>& record,
                                                      options const& options, std::span<std::string const> layers) {
    return shown(record.report.current(), options, layers, [&] { return model.model; });
  }
  static layer_outputs<openvino_executable> look_into(Onnx::handle const& model, record<Onnx>& record,
                                                      options const& options, std::span<std::string const> layers) {
    auto more = detail::with_layer_outputs(model, layers);
    return {compile(more.first, record, options), model.outputs().size(), std::move(more.second)};
  }

 private:
  template <class Convert>
  static layer_outputs<openvino_executable> shown(stage_report& entry, options const& options,
                                                  std::span<std::string const> wanted, Convert const& convert) {
    std::size_t own{};
    std::vector<shown_layer> layers;
    auto made = compiled_for(entry, options, [&] {
      auto const model = convert();
      own = model->outputs().size();
      auto more = detail::with_layer_outputs(*model, wanted);
      layers = std::move(more.second);
      return more.first;
    });
    return detail::shown(std::move(made), own, std::move(layers));
  }
  static void check(options const& options);
  static ov::AnyMap properties_of(options const& options);
  static void describe(openvino_executable const& made, options const& options, stage_report& entry);

  template <class Convert>
  static compiled compiled_for(stage_report& entry, options const& options, Convert const& convert) {
    check(options);
    auto const properties = properties_of(options);
    auto const timed = [&](char const* what, auto const& work) {
      auto const begin = std::chrono::steady_clock::now();
      auto made = work();
      std::chrono::duration<double> const took = std::chrono::steady_clock::now() - begin;
      entry.details.emplace_back(what, detail::number_text(took.count(), 3) + " s");
      return made;
    };
    entry.details.emplace_back("device", options.device);
    std::shared_ptr<ov::Model const> const model = timed("read in", convert);
    detail::refuse_wide_constants(*model);
    auto made = timed("compiled in", [&] {
      return detail::translated<backend_error>(errc::compile_failed, "OpenVINO can't run what it compiled", {},
                                               [&] { return openvino_executable(model, options.device, properties); });
    });
    describe(made, options, entry);
    return compiled(std::move(made));
  }
};

inline void OpenVino::check(options const& options) {
  auto const demand = [](std::optional<int> count, char const* what) {
    if (count && (*count < 1 || *count > 1024))
      throw backend_error(errc::setting_out_of_range,
                          "expected 1 to 1024 " + std::string(what) + ", got " + std::to_string(*count),
                          "leave it out for OpenVINO's default");
  };
  demand(options.threads, "threads");
  demand(options.streams, "streams");
  if (options.precision && *options.precision != at::kFloat && *options.precision != at::kBFloat16 &&
      *options.precision != at::kHalf)
    throw backend_error(
        errc::setting_out_of_range,
        "expected a precision of float32, bfloat16 or float16, got " + detail::dtype_name(*options.precision),
        "layers of a quantized artifact run in int8 whatever it is");
  detail::demand_device(options.device);
  if (options.cache.empty()) return;
  std::error_code failure;
  std::filesystem::create_directories(options.cache, failure);  // false, too, where another thread made it first
  if (!std::filesystem::is_directory(options.cache, failure))
    throw backend_error(errc::setting_out_of_range,
                        "expected a folder for compiled models, got '" + options.cache.string() + "'",
                        "give one that is there, or that can be made");
}

inline ov::AnyMap OpenVino::properties_of(options const& options) {
  ov::AnyMap properties;
  if (options.precision) properties.insert(ov::hint::inference_precision(detail::element_type(*options.precision)));
  if (options.threads) properties.insert(ov::inference_num_threads(*options.threads));
  if (options.streams) properties.insert(ov::num_streams(*options.streams));
  if (options.hint)
    properties.insert(ov::hint::performance_mode(*options.hint == openvino_hint::latency
                                                     ? ov::hint::PerformanceMode::LATENCY
                                                     : ov::hint::PerformanceMode::THROUGHPUT));
  if (options.profile) properties.insert(ov::enable_profiling(true));
  for (auto const& [name, value] : options.properties) properties[name] = value;
  detail::demand_properties(options.device, properties);
  // Kernels that it keeps, one for each layer and shape. Its 5,000 are 540 MB after 1,000 resolutions of P-Net.
  if (detail::is_on_cpu(options.device)) properties.emplace("CPU_RUNTIME_CACHE_CAPACITY", 512);
  if (!options.cache.empty()) properties.insert(ov::cache_dir(options.cache.string()));
  return properties;
}

inline void OpenVino::describe(openvino_executable const& made, options const& options, stage_report& entry) {
  auto const tell = [&](char const* what, auto const& property) {
    try {
      std::ostringstream text;
      text << made.model().get_property(property);
      entry.details.emplace_back(what, text.str());
    } catch (std::exception const&) {  // not every device has it
    }
  };
  tell("precision", ov::hint::inference_precision);
  tell("threads", ov::inference_num_threads);
  tell("streams", ov::num_streams);
  if (!options.cache.empty()) tell("loaded from cache", ov::loaded_from_cache);
  std::map<std::string, int> kernels;
  for (auto const& each : made.layers())
    if (each.kind == "Convolution" || each.kind == "FullyConnected" || each.kind == "MatMul" ||
        each.kind == "Deconvolution")
      ++kernels[each.kind + " " + each.precision];
  for (auto const& [kind, count] : kernels) entry.details.emplace_back("runs", kind + ": " + std::to_string(count));
}

}  // namespace with_openvino

#else
inline namespace without_openvino {

/// In a build without it: a name for `first_available`, and for the compile error that says which component to turn on.
struct OpenVino {
  using consumes = one_of<TorchScript, Onnx, OpenVinoIr>;
  using options = openvino_options;
  static constexpr bool available = false;
  static constexpr bool is_component = true;
};

}  // namespace without_openvino
#endif

}  // namespace torchdeploy::inline v0
