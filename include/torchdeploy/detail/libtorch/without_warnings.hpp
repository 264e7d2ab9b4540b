#pragma once

#include <string>
#include <utility>

#include <torchdeploy/detail/libtorch/module.hpp>

#include <c10/util/Exception.h>

namespace torchdeploy::inline v0::detail {

/// LibTorch warns of what a user of ours has no say in, such as that the types of quantized tensors are deprecated. While
/// this lives, its warnings on this thread are dropped; with a part of a text, those that have it, and others go where they
/// went before.
class without_warnings {
 public:
  explicit without_warnings(std::string part = {}) : handler_(std::move(part)) {}

 private:
  class dropping : public c10::WarningHandler {
   public:
    explicit dropping(std::string part) : part_(std::move(part)) {}
    void process(c10::Warning const& warning) override {
      if (warning.msg().find(part_) == std::string::npos) before_->process(warning);
    }

   private:
    std::string part_;
    c10::WarningHandler* before_ = c10::WarningUtils::get_warning_handler();
  };
  dropping handler_;
  c10::WarningUtils::WarningHandlerGuard guard_{&handler_};
};

}  // namespace torchdeploy::inline v0::detail
