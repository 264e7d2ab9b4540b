#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/onnx/builder.hpp>

/// Which sizes of a model's inputs stay open, and inputs of two sets of sizes.
namespace torchdeploy::inline v0::detail {

/// A size with a name: "batch". It is the same wherever it has that name.
struct open_size {
  std::string name;
  std::array<std::int64_t, 2> sizes{};  ///< in the two runs
};

/// How the sizes of the second run are found, in the order in which they are tried.
enum class second_run { larger, smaller, larger_by_steps, smaller_by_steps, larger_rounded_up };
inline constexpr std::array second_runs{second_run::larger, second_run::smaller, second_run::larger_by_steps,
                                        second_run::smaller_by_steps};
inline bool is_by_steps(second_run how) {
  return how == second_run::larger_by_steps || how == second_run::smaller_by_steps;
}

/// 2 to 32, a power of two: 32 is the product of the strides of most convolution nets.
inline std::int64_t size_step(std::int64_t size) {
  auto const quarter = std::bit_ceil(static_cast<std::uint64_t>(size) + 1) / 4;
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(quarter), 2, 32);
}

/// By 3, 5 or 7.
inline bool has_equal_remainder(std::int64_t first, std::int64_t second) {
  auto const difference = first - second;
  return first >= 8 && (difference % 3 == 0 || difference % 5 == 0 || difference % 7 == 0);
}

/// A size for the second run: what comes out equal in both is taken for fixed. So it is far enough from the first for its
/// halves, their halves and so on to differ, and what is even of them in one run is odd in the other, since how much is
/// padded or cut off depends on that. Where halves are rounded up, as by convolutions with a padding, another size does so.
/// By steps it has the remainder of the first instead, for models that know no other. Where there is room (from 8 on), remainders
/// by 3, 5 and 7 differ too: 64 and 127 leave the same by 3, 7 and 9.
inline std::int64_t second_size(std::int64_t first, second_run how) {
  auto const step = (is_by_steps(how) ? 1 : 2) * size_step(first);
  auto size = is_by_steps(how)                       ? first
              : how == second_run::larger_rounded_up ? ((first - 1) ^ (step - 1)) + 1
                                                     : first ^ (step - 1);
  if (how == second_run::smaller || how == second_run::smaller_by_steps) {
    auto const most = first - std::min<std::int64_t>(first / 2, 32);
    while (size > most || (size >= 2 && has_equal_remainder(first, size))) size -= step;
    if (size >= 2) return size;
    return second_size(first, how == second_run::smaller ? second_run::larger : second_run::larger_by_steps);
  }
  while (size < first + std::min<std::int64_t>(first, 32) || has_equal_remainder(first, size)) size += step;
  return size;
}

/// The next one of the same kind.
inline std::int64_t next_second_size(std::array<std::int64_t, 2> const& sizes) {
  auto const step = 2 * size_step(sizes[0]);
  if (sizes[1] < sizes[0] && sizes[1] - step >= 2) return sizes[1] - step;
  return std::max(sizes[1], sizes[0]) + step;
}

/// A tensor whose axis has another size: some of its rows twice, or fewer of them, in their order. What is sorted, as lengths
/// of packed sequences are, stays so.
inline at::Tensor resized(at::Tensor const& tensor, std::int64_t axis, std::int64_t size) {
  if (tensor.size(axis) == size) return tensor;
  auto const rows = at::arange(size, at::TensorOptions(at::kLong))
                        .mul(tensor.size(axis))
                        .floor_divide(std::max<std::int64_t>(size, 1));
  return tensor.index_select(axis, rows);
}

/// The name of the open size that came out as these two; where several do, it has none.
inline std::string name_of_sizes(std::vector<open_size> const& open, std::int64_t first, std::int64_t second) {
  std::string name;
  for (auto const& each : open)
    if (each.sizes == std::array{first, second}) {
      if (!name.empty() && name != each.name) return {};
      name = each.name;
    }
  return name;
}

}  // namespace torchdeploy::inline v0::detail

#endif
