#pragma once

/// Door to LibTorch: tensors, modules, reading and writing them.
///
/// LibTorch's logging macros collide with test frameworks and loggers (Catch2's CHECK, glog's LOG), so they stay behind
/// the door. A file that wants them includes a LibTorch header of its own first.
#pragma push_macro("CHECK")
#pragma push_macro("DCHECK")
#pragma push_macro("DLOG")
#pragma push_macro("LOG")
#pragma push_macro("LOG_IF")
#pragma push_macro("VLOG")
#pragma push_macro("VLOG_IF")
#pragma push_macro("VLOG_IS_ON")
#pragma push_macro("FATAL_IF")

#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <c10/core/InferenceMode.h>
#include <caffe2/serialize/file_adapter.h>
#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/headeronly/version.h>

#pragma pop_macro("CHECK")
#pragma pop_macro("DCHECK")
#pragma pop_macro("DLOG")
#pragma pop_macro("LOG")
#pragma pop_macro("LOG_IF")
#pragma pop_macro("VLOG")
#pragma pop_macro("VLOG_IF")
#pragma pop_macro("VLOG_IS_ON")
#pragma pop_macro("FATAL_IF")
