#pragma once

/// Door to LibTorch: random numbers from a generator of one's own.
#include <torchdeploy/detail/libtorch/tensor_ops.hpp>

#include <ATen/CPUGeneratorImpl.h>
