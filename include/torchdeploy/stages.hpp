#pragma once

/// The steps of a pipeline.
#include <torchdeploy/stage/diagnose.hpp>
#include <torchdeploy/stage/export_onnx.hpp>
#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/stage/optimize.hpp>
#include <torchdeploy/stage/prune.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/save.hpp>
#include <torchdeploy/stage/tap.hpp>
#include <torchdeploy/stage/to_mobile.hpp>
#include <torchdeploy/stage/to_openvino.hpp>
#include <torchdeploy/stage/verify.hpp>
