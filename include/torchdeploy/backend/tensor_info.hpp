#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <torchdeploy/detail/libtorch/dtype.hpp>

namespace torchdeploy::inline v0 {

/// A tensor that a session takes or gives.
struct tensor_info {
  std::string name{};
  std::string type = "Tensor";  ///< as TorchScript writes it: "Tensor", "int", "List[Tensor]"
  std::optional<at::ScalarType> dtype{};  ///< nothing: any
  std::optional<std::vector<std::int64_t>> shape{};  ///< -1: a dynamic dimension; nothing: any rank
};

/// A tensor by its name in the model.
struct named_tensor {
  std::string name{};
  at::Tensor tensor{};
};

/// "image: float32 [?, 3, 224, 224]"
inline std::string to_text(tensor_info const& info) {
  std::string text = info.name + ": " + (info.dtype ? detail::dtype_name(*info.dtype) : info.type);
  if (!info.shape) return text;
  text += " [";
  for (bool first = true; auto const size : *info.shape) {
    text += (first ? "" : ", ") + (size < 0 ? std::string("?") : std::to_string(size));
    first = false;
  }
  return text += ']';
}

}  // namespace torchdeploy::inline v0
