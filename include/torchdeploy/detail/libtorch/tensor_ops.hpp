#pragma once

/// Door to LibTorch: tensor functions. All of them, since users compute with what a session returns: 1.0 s of compile
/// time against the dozen that we use.
#include <ATen/ATen.h>
#include <torchdeploy/detail/libtorch/module.hpp>
