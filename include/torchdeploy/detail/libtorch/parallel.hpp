#pragma once

/// Door to LibTorch: the sizes of its thread pools.
#include <torchdeploy/detail/libtorch/module.hpp>

#include <ATen/Parallel.h>
