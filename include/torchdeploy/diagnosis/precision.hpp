#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <torchdeploy/detail/libtorch/dtype.hpp>
#include <torchdeploy/diagnosis/inspected.hpp>

namespace torchdeploy::inline v0::detail {

inline bool is_float64(at::Tensor const& tensor) {
  return tensor.scalar_type() == at::kDouble || tensor.scalar_type() == at::kComplexDouble;
}

/// float64 among float32: it is twice as large, several times slower, and what it touches becomes float64 too. A number
/// (no dimension) promotes nothing: traces keep every Python float as such a tensor.
inline void find_float64(jit::Module const& module, std::vector<inspected> const& methods,
                         std::vector<finding>& found) {
  std::int64_t narrow = 0;
  std::vector<std::string> wide;
  for (auto const& each : carried_tensors(module, methods)) {
    auto const dtype = each.tensor.scalar_type();
    if (each.tensor.dim() > 0 && is_float64(each.tensor)) wide.push_back(each.name);
    if (each.tensor.dim() > 0 && (dtype == at::kFloat || dtype == at::kHalf || dtype == at::kBFloat16)) ++narrow;
  }
  if (wide.empty()) return;
  auto const count = std::to_string(wide.size());
  if (narrow)
    found.push_back({"float64-leftover", severity::warning, wide.front(),
                     count + " tensor(s) are float64 among float32: what they touch becomes float64",
                     "model.float() before exporting; dtype=torch.float32 where numpy made it"});
  else
    found.push_back({"float64-leftover", severity::note, wide.front(),
                     "all " + count + " tensor(s) are float64: twice as large, and quantize refuses them",
                     "model.float() before exporting"});
}

}  // namespace torchdeploy::inline v0::detail
