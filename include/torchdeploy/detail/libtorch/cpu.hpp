#pragma once

/// Door to LibTorch: what the CPU can do, and operators called by name.
#include <torchdeploy/detail/libtorch/tensor_ops.hpp>

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/cpu/Utils.h>
