#pragma once

#include <span>
#include <string>
#include <utility>

#include <torchdeploy/backend/backend.hpp>
#include <torchdeploy/backend/onnx_runtime_options.hpp>
#include <torchdeploy/components.hpp>
#include <torchdeploy/format/onnx.hpp>
#include <torchdeploy/onnx/layer_names.hpp>

#ifdef TORCHDEPLOY_WITH_ONNXRUNTIME
#include <torchdeploy/onnx_runtime/executable.hpp>

namespace torchdeploy::inline v0 {
inline namespace with_onnxruntime {

/// ONNX Runtime: for Onnx, on the CPU and on whatever its build has a provider for.
struct OnnxRuntime {
  using consumes = Onnx;
  using options = onnx_runtime_options;
  static constexpr bool available = true;
  static constexpr bool is_component = true;

  /// @throws backend_error 607, 609, 610, 611, 612, 614; export_error 201 (a profile or optimized model that can't be there)
  static tensor_model<onnx_runtime_executable> compile(Onnx::handle const& model, record<Onnx>& record,
                                                       options const& options) {
    onnx_runtime_executable made(model, options);
    auto& details = record.report.current().details;
    details.emplace_back("runtime", "ONNX Runtime " + Ort::GetVersionString());
    for (auto const& [name, nodes] : made.providers())
      details.emplace_back(name, std::to_string(nodes) + (nodes == 1 ? " node" : " nodes"));
    return tensor_model(std::move(made));
  }

  /// See `shows_layers`.
  static layer_outputs<onnx_runtime_executable> look_into(Onnx::handle const& model, record<Onnx>& record,
                                                          options const& options, std::span<std::string const> layers) {
    auto [more, all] = detail::with_layer_outputs(model, layers);
    return {compile(more, record, options), model.outputs().size(), std::move(all)};
  }
};

}  // namespace with_onnxruntime
}  // namespace torchdeploy::inline v0

#else

namespace torchdeploy::inline v0 {
inline namespace without_onnxruntime {

/// In a build without it: a name for `first_available`, and for the compile error that says which component to turn on.
struct OnnxRuntime {
  using consumes = Onnx;
  using options = onnx_runtime_options;
  static constexpr bool available = false;
  static constexpr bool is_component = true;
};

}  // namespace without_onnxruntime
}  // namespace torchdeploy::inline v0

#endif
