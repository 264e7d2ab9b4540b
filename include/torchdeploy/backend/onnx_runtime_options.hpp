#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/backend/process_settings.hpp>

namespace torchdeploy::inline v0 {

/// One of ONNX Runtime's execution providers, by the runtime's own name, and what it may be told.
///
/// @par Example
///     {.providers = {{"TensorrtExecutionProvider", {{"trt_fp16_enable", "1"}}}, "CUDAExecutionProvider"}}
struct execution_provider {
  std::string name{};
  std::map<std::string, std::string> options{};  ///< as the provider's own documentation calls them

  template <std::convertible_to<std::string> Name>
  execution_provider(Name&& called, std::map<std::string, std::string> told = {})  // NOLINT: a name is a provider
      : name(std::forward<Name>(called)), options(std::move(told)) {}
};

/// May other providers do the work of one that is missing, or that takes no node of the model?
enum class provider_fallback { refused, allowed };
inline constexpr auto allowed = provider_fallback::allowed;

/// How far ONNX Runtime rewrites the graph: `basic` removes and folds, `extended` fuses, `all` changes layouts too.
enum class graph_optimization { none, basic, extended, all };

/// What of ONNX Runtime's log goes to standard error: this and what is worse.
enum class runtime_log { off, errors, warnings, notes, everything };

/// What `deploy<OnnxRuntime>` may be told.
struct onnx_runtime_options {
  /// Who may take nodes, in turn; the CPU, named or not, is last and runs the rest. Default: the CPU alone.
  std::vector<execution_provider> providers{};
  provider_fallback fallback = provider_fallback::refused;
  graph_optimization optimization = graph_optimization::all;
  /// Of this session alone: `intra` inside one operator, `inter` for operators side by side (`.parallel`). Default: one
  /// for each core.
  thread_counts threads{};
  bool parallel = false;  ///< operators that don't wait for each other run side by side
  bool spinning = true;  ///< idle threads wait by spinning: faster, and takes the cores
  bool memory_arena = true;  ///< keep memory from call to call
  bool memory_pattern = true;  ///< plan memory ahead, for each shape of input
  bool deterministic = false;  ///< of several kernels take one that always gives the same bits
  std::map<std::string, std::int64_t> free_dimensions{};  ///< fix dynamic dimensions by name: {{"batch", 8}}
  std::map<std::string, std::string> config{};  ///< ONNX Runtime's other session settings, by its own keys
  std::filesystem::path optimized_model{};  ///< write the model there, as it was optimized for this machine
  /// Measure each node, into a file that begins with this path and ends with a time and ".json". It is complete when the
  /// last session of the model is gone, or at `session.executable().end_profiling()`.
  std::filesystem::path profile{};
  runtime_log log = runtime_log::off;
};

/// How many nodes of the optimized model an execution provider runs.
struct provider_share {
  std::string name{};
  std::size_t nodes{};

  bool operator==(provider_share const&) const = default;
};

/// What a model says of itself.
struct onnx_metadata {
  std::string producer{};  ///< "pytorch"
  std::string graph{};  ///< the graph's name
  std::string description{};  ///<
  std::string domain{};  ///< "org.acme"
  std::int64_t version{};  ///< of the model
  std::map<std::string, std::string> custom{};  ///< what its maker added
};

}  // namespace torchdeploy::inline v0
