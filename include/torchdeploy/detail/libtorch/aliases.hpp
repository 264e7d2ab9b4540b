#pragma once

/// Door to LibTorch: what of a graph may share memory.
#include <torchdeploy/detail/libtorch/module.hpp>

#include <torch/csrc/jit/ir/alias_analysis.h>
