#pragma once

/// Where a pipeline ends: the runtimes.
#include <torchdeploy/backend/backend.hpp>
#include <torchdeploy/backend/layer_outputs.hpp>
#include <torchdeploy/backend/libtorch.hpp>
#include <torchdeploy/backend/method.hpp>
#include <torchdeploy/backend/mobile_runtime.hpp>
#include <torchdeploy/backend/onnx_runtime.hpp>
#include <torchdeploy/backend/onnx_runtime_options.hpp>
#include <torchdeploy/backend/openvino.hpp>
#include <torchdeploy/backend/process_settings.hpp>
#include <torchdeploy/backend/results.hpp>
#include <torchdeploy/backend/session_pool.hpp>
#include <torchdeploy/backend/tensor_check.hpp>
#include <torchdeploy/backend/tensor_info.hpp>
#include <torchdeploy/backend/tensor_model.hpp>
#include <torchdeploy/backend/tensorrt.hpp>
#include <torchdeploy/backend/warmup.hpp>
