#pragma once

/// Door to LibTorch: its graph-mode quantization passes, and what it takes to call C++ from a graph.
#include <torchdeploy/detail/libtorch/graph.hpp>
#include <torchdeploy/detail/libtorch/operator.hpp>

#include <torch/csrc/jit/frontend/resolver.h>
#include <torch/csrc/jit/frontend/sugared_value.h>
#include <torch/csrc/jit/passes/fold_conv_bn.h>
#include <torch/csrc/jit/passes/quantization/finalize.h>
#include <torch/csrc/jit/passes/quantization/insert_observers.h>
#include <torch/csrc/jit/passes/quantization/insert_quant_dequant.h>
