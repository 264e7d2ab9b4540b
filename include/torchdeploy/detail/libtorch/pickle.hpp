#pragma once

/// Door to LibTorch: values written and read as Python's `torch.save` and `torch.load` do.
#include <torchdeploy/detail/libtorch/module.hpp>

#include <torch/csrc/jit/serialization/pickle.h>
#include <torch/csrc/jit/serialization/pickler_helper.h>
