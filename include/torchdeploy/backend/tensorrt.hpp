#pragma once

#include <torchdeploy/backend/backend.hpp>
#include <torchdeploy/format/onnx.hpp>

namespace torchdeploy::inline v0 {

struct deploy_to_OnnxRuntime_with_its_TensorrtExecutionProvider;

inline namespace without_tensorrt {

/// NVIDIA's TensorRT, by itself: there is no build that has it yet, so that `first_available` passes it over and to deploy
/// to it does not compile. ONNX Runtime's own provider runs Onnx in TensorRT, where its build has one:
/// `deploy<OnnxRuntime>({.providers = {"TensorrtExecutionProvider"}})`.
struct TensorRt {
  using consumes = Onnx;
  using instead = deploy_to_OnnxRuntime_with_its_TensorrtExecutionProvider;
  static constexpr bool available = false;
  struct options {};
};

}  // namespace without_tensorrt
}  // namespace torchdeploy::inline v0
