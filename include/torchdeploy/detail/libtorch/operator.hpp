#pragma once

/// Door to LibTorch: operators of our own, to call C++ from a graph.
#include <torchdeploy/detail/libtorch/graph.hpp>

#include <torch/csrc/jit/runtime/operator.h>

namespace torchdeploy::inline v0::detail {

/// A call into C++, which LibTorch must neither move nor drop. For the whole process, so once.
inline void register_operator(char const* schema, void (*run)(torch::jit::Stack&)) {
  torch::jit::registerOperator(torch::jit::Operator(schema, run, c10::AliasAnalysisKind::CONSERVATIVE));
}

}  // namespace torchdeploy::inline v0::detail
