#pragma once

#include <torchdeploy/detail/libtorch/module.hpp>

namespace torchdeploy::inline v0::detail {

/// LibTorch gives an LSTM to oneDNN without a check of its sizes: with states of two rows for a batch of four (a trace bakes
/// them), or with other features than its weights have, it reads and writes past the end. LibTorch's own kernels raise. So
/// who runs a model with an LSTM on sizes that it was not made for turns oneDNN off, in the whole process, for so long.
class without_onednn {
  bool before_ = at::globalContext().userEnabledMkldnn();

 public:
  explicit without_onednn(bool wanted) {
    if (wanted) at::globalContext().setUserEnabledMkldnn(false);
  }
  without_onednn(without_onednn const&) = delete;
  without_onednn& operator=(without_onednn const&) = delete;
  ~without_onednn() { at::globalContext().setUserEnabledMkldnn(before_); }
};

}  // namespace torchdeploy::inline v0::detail
