#pragma once

#include <optional>
#include <string>
#include <vector>

#include <torchdeploy/format/samples.hpp>

namespace torchdeploy::inline v0 {

/// What `load` may be told.
struct load_options {
  std::optional<c10::Device> device{};     ///< where to put the weights; default: where they were saved
  std::vector<std::string> extra_files{};  ///< extra files that must be there (all that are there are kept in any case)
  samples examples{};  ///< example inputs, at most 8 are kept; their tensors are shared, not copied
};

/// What `evaluate` may be told.
struct evaluate_options {
  samples examples{};  ///< as `load` takes them
};

}  // namespace torchdeploy::inline v0
