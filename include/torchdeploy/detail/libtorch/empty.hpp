#pragma once

/// Door to LibTorch: tensors over memory, new or of others.
#include <torchdeploy/detail/libtorch/module.hpp>  // first: it fences the macros

#include <ATen/EmptyTensor.h>
#include <ATen/ops/from_blob.h>
#include <c10/util/strides.h>
