#pragma once

/// Door to LibTorch: its lite interpreter, and what writes files for it.
#include <torchdeploy/detail/libtorch/graph.hpp>

#include <torch/csrc/jit/mobile/compatibility/runtime_compatibility.h>
#include <torch/csrc/jit/mobile/import.h>
#include <torch/csrc/jit/mobile/interpreter.h>
#include <torch/csrc/jit/mobile/module.h>
#include <torch/csrc/jit/runtime/operator.h>
#include <torch/csrc/jit/serialization/unpickler.h>
