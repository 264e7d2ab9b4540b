#pragma once

/// Door to LibTorch: TorchScript source made into graphs.
#include <torchdeploy/detail/libtorch/graph.hpp>

#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/frontend/resolver.h>
#include <torch/csrc/jit/frontend/sugared_value.h>
#include <torch/csrc/jit/ir/scope.h>
