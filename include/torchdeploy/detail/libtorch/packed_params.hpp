#pragma once

/// Door to LibTorch: what the packed weights of its int8 layers can be asked.
#include <torchdeploy/detail/libtorch/module.hpp>

#include <ATen/native/quantized/PackedParams.h>
