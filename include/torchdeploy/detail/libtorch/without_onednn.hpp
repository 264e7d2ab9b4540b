#pragma once

#include <mutex>

#include <torchdeploy/detail/libtorch/module.hpp>

namespace torchdeploy::inline v0::detail {

/// LibTorch gives an LSTM to oneDNN without a check of its sizes: with states of two rows for a batch of four (a trace bakes
/// them), or with other features than its weights have, it reads and writes past the end. LibTorch's own kernels raise. So
/// who runs a model with an LSTM on sizes that it was not made for turns oneDNN off, in the whole process, for so long:
/// until the last of those who wanted it, in whatever thread, is done.
class without_onednn {
 public:
  explicit without_onednn(bool wanted) : wanted_(wanted) {
    if (!wanted_) return;
    std::lock_guard const lock(mutex_);
    if (users_++ > 0) return;
    before_ = at::globalContext().userEnabledMkldnn();
    at::globalContext().setUserEnabledMkldnn(false);
  }
  without_onednn(without_onednn const&) = delete;
  without_onednn& operator=(without_onednn const&) = delete;
  ~without_onednn() {
    if (!wanted_) return;
    std::lock_guard const lock(mutex_);
    if (--users_ == 0) at::globalContext().setUserEnabledMkldnn(before_);
  }

 private:
  inline static std::mutex mutex_;
  inline static int users_ = 0;
  inline static bool before_ = true;

  bool wanted_;
};

}  // namespace torchdeploy::inline v0::detail
