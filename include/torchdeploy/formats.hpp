#pragma once

/// What the bytes are: how each format is read, written and run.
#include <torchdeploy/format/load_options.hpp>
#include <torchdeploy/format/mobile_lite.hpp>
#include <torchdeploy/format/onnx.hpp>
#include <torchdeploy/format/openvino_ir.hpp>
#include <torchdeploy/format/samples.hpp>
#include <torchdeploy/format/torchscript.hpp>
