#pragma once

#ifdef TORCHDEPLOY_WITH_ONNXRUNTIME

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include <unistd.h>

#include <torchdeploy/backend/onnx_runtime_options.hpp>
#include <torchdeploy/detail/names.hpp>
#include <torchdeploy/onnx/dimensions.hpp>
#include <torchdeploy/onnx/external_data.hpp>
#include <torchdeploy/onnx/tensor.hpp>
#include <torchdeploy/onnx_runtime/api.hpp>

/// What ONNX Runtime is told of a session, and what it would take in silence.
namespace torchdeploy::inline v0::detail {

inline constexpr std::string_view onnx_cpu_provider = "CPUExecutionProvider";

/// CUDA, TensorRT, ROCm, CANN and oneDNN take their options through objects of their own.
template <class Options>
void append_with(Ort::SessionOptions& session, std::map<std::string, std::string> const& told,
                 OrtStatus*(ORT_API_CALL* create)(Options**), void(ORT_API_CALL* release)(Options*),
                 OrtStatus*(ORT_API_CALL* update)(Options*, char const* const*, char const* const*, std::size_t),
                 OrtStatus*(ORT_API_CALL* append)(OrtSessionOptions*, Options const*)) {
  Options* made = nullptr;
  Ort::ThrowOnError(create(&made));
  std::unique_ptr<Options, void(ORT_API_CALL*)(Options*)> const options(made, release);
  std::vector<char const*> keys, values;
  for (auto const& [key, value] : told) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  Ort::ThrowOnError(update(made, keys.data(), values.data(), keys.size()));
  Ort::ThrowOnError(append(session, made));
}

/// MIGraphX takes a struct that is filled by hand, and grew with the versions.
template <class Options>
void append_migraphx(Ort::SessionOptions& session, std::map<std::string, std::string> const& told,
                     OrtStatus*(ORT_API_CALL* append)(OrtSessionOptions*, Options const*)) {
  Options options{};
  if constexpr (requires { options.migraphx_mem_limit; })
    options.migraphx_mem_limit = std::numeric_limits<decltype(options.migraphx_mem_limit)>::max();
  std::pair<std::string_view, int*> const known[] = {{"device_id", &options.device_id},
                                                     {"migraphx_fp16_enable", &options.migraphx_fp16_enable},
                                                     {"migraphx_int8_enable", &options.migraphx_int8_enable}};
  for (auto const& [name, value] : told) {
    auto const* const at =
        std::find_if(std::begin(known), std::end(known), [&](auto& one) { return one.first == name; });
    auto const* const end = value.data() + value.size();
    if (at == std::end(known) || std::from_chars(value.data(), end, *at->second).ptr != end || value.empty())
      throw backend_error(errc::setting_out_of_range,
                          "expected a number for device_id, migraphx_fp16_enable or migraphx_int8_enable, got '" +
                              name + "' = '" + value + "'");
  }
  Ort::ThrowOnError(append(session, &options));
}

inline void append_provider(Ort::SessionOptions& session, execution_provider const& provider) {
  auto const& api = onnx_runtime_api();
  auto const& name = provider.name;
  std::unordered_map<std::string, std::string> const told(provider.options.begin(), provider.options.end());
  if (name == onnx_cpu_provider) return;  // it is always there, and last
  if (name == "CUDAExecutionProvider")
    return append_with<OrtCUDAProviderOptionsV2>(session, provider.options, api.CreateCUDAProviderOptions,
                                                 api.ReleaseCUDAProviderOptions, api.UpdateCUDAProviderOptions,
                                                 api.SessionOptionsAppendExecutionProvider_CUDA_V2);
  if (name == "TensorrtExecutionProvider")
    return append_with<OrtTensorRTProviderOptionsV2>(
        session, provider.options, api.CreateTensorRTProviderOptions, api.ReleaseTensorRTProviderOptions,
        api.UpdateTensorRTProviderOptions, api.SessionOptionsAppendExecutionProvider_TensorRT_V2);
  if (name == "ROCMExecutionProvider")
    return append_with<OrtROCMProviderOptions>(session, provider.options, api.CreateROCMProviderOptions,
                                               api.ReleaseROCMProviderOptions, api.UpdateROCMProviderOptions,
                                               api.SessionOptionsAppendExecutionProvider_ROCM);
  if (name == "CANNExecutionProvider")
    return append_with<OrtCANNProviderOptions>(session, provider.options, api.CreateCANNProviderOptions,
                                               api.ReleaseCANNProviderOptions, api.UpdateCANNProviderOptions,
                                               api.SessionOptionsAppendExecutionProvider_CANN);
  if (name == "DnnlExecutionProvider")
    return append_with<OrtDnnlProviderOptions>(session, provider.options, api.CreateDnnlProviderOptions,
                                               api.ReleaseDnnlProviderOptions, api.UpdateDnnlProviderOptions,
                                               api.SessionOptionsAppendExecutionProvider_Dnnl);
  if (name == "MIGraphXExecutionProvider")
    return append_migraphx<OrtMIGraphXProviderOptions>(session, provider.options,
                                                       api.SessionOptionsAppendExecutionProvider_MIGraphX);
  if (name == "OpenVINOExecutionProvider") {
    session.AppendExecutionProvider_OpenVINO_V2(told);
    return;
  }
  // the others by a name that is short, and for some written otherwise
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> short_names{
      {{"Xnnpack", "XNNPACK"}, {"Azure", "AZURE"}, {"Dml", "DML"}, {"Js", "JS"}}};
  constexpr std::string_view suffix = "ExecutionProvider";
  auto brief = name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : name;
  for (auto const& [is, called] : short_names)
    if (brief == is) brief = called;
  session.AppendExecutionProvider(brief, told);
}

/// In order; those this build has. Where others may do the work, one that can't be used, as CUDA's without a GPU, is passed over.
/// @throws backend_error 607, 610, 611
inline void append_providers(Ort::SessionOptions& session, onnx_runtime_options const& wanted) {
  auto const available = Ort::GetAvailableProviders();
  std::string all;
  for (auto const& each : available) all += (all.empty() ? "" : ", ") + each;
  std::set<std::string> seen;
  for (auto const& each : wanted.providers) {
    if (std::find(available.begin(), available.end(), each.name) == available.end()) {
      if (wanted.fallback == provider_fallback::allowed) continue;
      throw backend_error(errc::provider_missing, "expected one of " + all + ", got '" + each.name + "'");
    }
    if (!seen.insert(each.name).second)
      throw backend_error(errc::setting_out_of_range, "expected each provider once, got '" + each.name + "' twice",
                          "name them in the order of their turns");
    if (each.name == onnx_cpu_provider && !each.options.empty())
      throw backend_error(errc::setting_out_of_range,
                          "expected no options for " + each.name + ", got '" + each.options.begin()->first + "'",
                          "the session's own options are those of the CPU");
    try {
      of_onnx_runtime(errc::runtime_unusable, each.name + " can't be used", "look up the options that it takes",
                      [&] { append_provider(session, each); });
    } catch (backend_error const& failure) {
      if (wanted.fallback == provider_fallback::refused || failure.code() != errc::runtime_unusable) throw;
    }
  }
}

inline void set_free_dimensions(Ort::SessionOptions& session, std::string_view model,
                                std::map<std::string, std::int64_t> const& wanted) {
  if (wanted.empty()) return;
  auto const known = named_dimensions(model);
  for (auto const& [name, size] : wanted) {
    if (!known.contains(name))
      throw backend_error(errc::name_unknown, "expected the name of a dynamic dimension, got '" + name + "'",
                          did_you_mean(name, {known.begin(), known.end()}));
    if (size < 1)
      throw backend_error(errc::setting_out_of_range,
                          "expected a size of at least 1 for the dimension '" + name + "', got " + std::to_string(size),
                          "leave out those that stay dynamic");
    Ort::ThrowOnError(onnx_runtime_api().AddFreeDimensionOverrideByName(session, name.c_str(), size));
  }
}

/// ONNX Runtime takes any key and heeds those it knows, so what can't be one is a slip.
inline void set_config(Ort::SessionOptions& session, std::map<std::string, std::string> const& wanted) {
  static constexpr std::string_view prefixes[] = {"session.", "optimization.", "ep.", "mlas.", "custom_op."};
  for (auto const& [key, value] : wanted) {
    if (std::none_of(std::begin(prefixes), std::end(prefixes), [&](auto each) { return key.starts_with(each); }))
      throw backend_error(
          errc::name_unknown,
          "expected a key that begins with session., optimization., ep., mlas. or custom_op., got '" + key + "'",
          "onnxruntime_session_options_config_keys.h has them");
    of_onnx_runtime(errc::setting_out_of_range, "the config entry '" + key + "' is not taken",
                    "onnxruntime_session_options_config_keys.h has the keys",
                    [&] { session.AddConfigEntry(key.c_str(), value.c_str()); });
  }
}

/// ONNX Runtime writes no file where it can't, and says nothing.
inline void demand_writable(std::filesystem::path const& file, std::string const& what) {
  std::error_code ignored;
  auto const folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  if (file.filename().empty() || std::filesystem::is_directory(file, ignored) ||
      !std::filesystem::is_directory(folder, ignored) || ::access(folder.c_str(), W_OK) != 0)
    throw export_error(errc::place_unwritable, "expected a place for the " + what + ", got '" + file.string() + "'",
                       "give the path of a file in a directory that is there and can be written to");
}

/// The optimized model, written whole or not at all.
class optimized_model_file {
 public:
  optimized_model_file(Ort::SessionOptions& session, std::filesystem::path const& wanted) : wanted_(wanted) {
    if (wanted.empty()) return;
    demand_writable(wanted, "optimized model");
    // the extension tells the format: .ort is ONNX Runtime's own
    made_ = wanted;
    made_.replace_filename("." + wanted.stem().string() + "." + std::to_string(::getpid()) + "." +
                           std::to_string(reinterpret_cast<std::uintptr_t>(this)) + ".tmp" +
                           wanted.extension().string());
    session.SetOptimizedModelFilePath(made_.c_str());
  }
  optimized_model_file(optimized_model_file const&) = delete;
  optimized_model_file& operator=(optimized_model_file const&) = delete;
  ~optimized_model_file() {
    std::error_code failure;
    if (!made_.empty()) std::filesystem::remove(made_, failure);
  }
  void keep() const {
    std::error_code failure;
    if (!made_.empty()) std::filesystem::rename(made_, wanted_, failure);
    if (failure)
      throw export_error(errc::write_failed, "writing '" + wanted_.string() + "' failed: " + failure.message());
  }

 private:
  std::filesystem::path wanted_, made_;
};

/// An enum's value that was cast from a number.
inline void demand_named(bool is, std::string const& what, std::int64_t number, std::string const& names) {
  if (!is)
    throw backend_error(errc::setting_out_of_range,
                        "expected a " + what + " of those there are, got number " + std::to_string(number),
                        "there are: " + names);
}

/// Weights that are in memory apart from the model: the session reads them where they are, and never copies them. As one
/// buffer for the file ("AddExternalInitializersFromFilesInMemory") they are copied, and no tensor may have 2 GB.
inline void set_weights(Ort::SessionOptions& session, std::string_view model, std::span<std::byte const> bytes) {
  auto const memory = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
  std::vector<std::string> names;
  std::vector<Ort::Value> values;
  auto const take = [&](onnx_tensor_view const& tensor) {
    if (!tensor.external) return;
    auto const part = bytes.subspan(onnx_external(tensor, {}).offset, onnx_bytes(tensor));
    names.emplace_back(tensor.name);
    values.push_back(Ort::Value::CreateTensor(memory, const_cast<std::byte*>(part.data()), part.size(),
                                              tensor.dims.data(), tensor.dims.size(),
                                              static_cast<ONNXTensorElementDataType>(tensor.type)));
  };
  for (auto at = onnx_reader(model); at.next(onnx_model::graph, protozero::pbf_wire_type::length_delimited);)
    for (auto graph = onnx_reader(view_of(at.get_view()));
         graph.next(onnx_graph::initializer, protozero::pbf_wire_type::length_delimited);)
      take(onnx_tensor_view(view_of(graph.get_view())));
  session.AddExternalInitializers(names, values);
}

inline Ort::SessionOptions onnx_session_options(onnx_runtime_options const& wanted, std::string_view model,
                                                onnx_data const& data) {
  auto const threads = [](std::optional<int> count, char const* which) {
    demand_thread_count(count, which, "ONNX Runtime");
    return count.value_or(0);
  };
  static constexpr std::array levels{ORT_DISABLE_ALL, ORT_ENABLE_BASIC, ORT_ENABLE_EXTENDED, ORT_ENABLE_ALL};
  auto const level = static_cast<std::size_t>(wanted.optimization);
  demand_named(level < levels.size(), "graph optimization", static_cast<std::int64_t>(wanted.optimization),
               "none, basic, extended, all");
  demand_named(wanted.log >= runtime_log::off && wanted.log <= runtime_log::everything, "log level",
               static_cast<std::int64_t>(wanted.log), "off, errors, warnings, notes, everything");
  Ort::SessionOptions session;
  session.SetGraphOptimizationLevel(levels[level]);
  session.SetIntraOpNumThreads(threads(wanted.threads.intra, "intra-op"));
  session.SetInterOpNumThreads(threads(wanted.threads.inter, "inter-op"));
  session.SetExecutionMode(wanted.parallel ? ORT_PARALLEL : ORT_SEQUENTIAL);
  session.SetDeterministicCompute(wanted.deterministic);
  if (!wanted.memory_arena) session.DisableCpuMemArena();
  if (!wanted.memory_pattern) session.DisableMemPattern();
  if (!wanted.spinning)
    for (auto const* const key : {"session.intra_op.allow_spinning", "session.inter_op.allow_spinning"})
      session.AddConfigEntry(key, "0");
  if (!data.folder().empty())
    session.AddConfigEntry("session.model_external_initializers_file_folder_path", data.folder().c_str());
  if (data.memory()) set_weights(session, model, *data.memory());
  set_config(session, wanted.config);
  set_free_dimensions(session, model, wanted.free_dimensions);
  append_providers(session, wanted);
  if (!wanted.profile.empty()) {
    demand_writable(wanted.profile, "profile");
    session.EnableProfiling(wanted.profile.c_str());
  }
  return session;
}

}  // namespace torchdeploy::inline v0::detail

#endif
