#pragma once

/// Door to LibTorch: tensor functions, all of them, which module.hpp's headers include anyway, and operators. Not
/// <ATen/ATen.h>: it adds the declarations of all kernels (1,583 headers), an eighth of what torch/script.h costs.
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <torchdeploy/detail/libtorch/module.hpp>
