// No build has TensorRT by itself, and there is no component to turn on: ONNX Runtime has a provider.
// expect: this_build_has_no<without_tensorrt::TensorRt, deploy_to_OnnxRuntime_with_its_TensorrtExecutionProvider>
#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

#ifdef GOOD_TWIN
auto session = td::load<td::TorchScript>("m.pt") | td::deploy<td::first_available<td::TensorRt, td::LibTorch>>();
#else
auto stage = td::deploy<td::TensorRt>();
#endif
