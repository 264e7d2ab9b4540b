#pragma once

// Which components a program is built with: TORCHDEPLOY_WITH_JSON, _ONNX, _OPENVINO, _ONNXRUNTIME, set by CMake's
// components or by whoever vendors the single header. The runtimes read ONNX files, so they bring the format.
#if (defined(TORCHDEPLOY_WITH_OPENVINO) || defined(TORCHDEPLOY_WITH_ONNXRUNTIME)) && !defined(TORCHDEPLOY_WITH_ONNX)
#define TORCHDEPLOY_WITH_ONNX
#endif
