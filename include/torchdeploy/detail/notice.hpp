#pragma once

#include <atomic>
#include <cstdio>
#include <string>

#include <unistd.h>

#include <torchdeploy/core/report_text.hpp>

namespace torchdeploy::inline v0 {

/// Nothing on standard error: no warnings, no progress. The report has everything in any case.
inline std::atomic<bool> quiet = false;

namespace detail {

/// A finding worth a line on standard error: wrong numbers must not come without a warning.
inline void notice(finding const& what) {
  if (quiet || what.level == severity::note) return;
  std::fprintf(stderr, "torchdeploy: %s; %s\n", headline(what).c_str(), in_one_line(what.hint).c_str());
}

/// A line on the terminal that is written over: "quantize: 12/64 samples". Nothing where stderr is not a terminal.
class progress {
 public:
  explicit progress(std::string label) : label_(std::move(label)), shown_(!quiet && isatty(STDERR_FILENO) != 0) {}
  progress(progress const&) = delete;
  progress& operator=(progress const&) = delete;
  ~progress() {
    if (shown_) std::fprintf(stderr, "\r\033[K");
  }
  void operator()(std::size_t done, std::size_t of) const {
    if (!shown_) return;
    if (of)
      std::fprintf(stderr, "\r%s: %zu/%zu samples", label_.c_str(), done, of);
    else
      std::fprintf(stderr, "\r%s: %zu samples", label_.c_str(), done);
    std::fflush(stderr);
  }

 private:
  std::string label_;
  bool shown_;
};

}  // namespace detail

}  // namespace torchdeploy::inline v0
