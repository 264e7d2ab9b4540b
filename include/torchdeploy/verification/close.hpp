#pragma once

#include <cctype>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/detail/libtorch/dtype.hpp>
#include <torchdeploy/detail/libtorch/tensor_ops.hpp>

namespace torchdeploy::inline v0 {

/// |got - expected| <= atol + rtol * |expected|, element by element.
struct tolerance {
  double rtol{};
  double atol{};
  bool equal_nan = false;  ///< is NaN equal to NaN?
};

/// What torch.testing.assert_close tolerates for a dtype: rounding, nothing else. Integers and bool must be equal;
/// quantized tensors are compared dequantized, as float32.
[[nodiscard]] inline tolerance default_tolerance(at::ScalarType dtype) {
  switch (dtype) {
    case at::kHalf:
    case at::kComplexHalf:
      return {1e-3, 1e-5};
    case at::kBFloat16:
      return {1.6e-2, 1e-5};
    case at::kFloat:
    case at::kComplexFloat:
    case at::kQInt8:
    case at::kQUInt8:
    case at::kQInt32:
    case at::kQUInt4x2:
    case at::kQUInt2x4:
      return {1.3e-6, 1e-5};
    case at::kDouble:
    case at::kComplexDouble:
      return {1e-7, 1e-7};
    default:
      return {};
  }
}

/// What `close` found.
struct closeness {
  bool passed{};
  std::string difference{};         ///< in shape or dtype: "expected float32 [2, 10], got float32 [2, 11]"
  std::int64_t numel{};             ///<
  std::int64_t mismatched{};        ///< elements out of tolerance
  double max_abs{};                 ///< the largest |got - expected|; infinity where one side is NaN or infinite
  double max_rel{};                 ///< the largest |got - expected| / |expected|
  std::vector<std::int64_t> index{};  ///< of the worst element: of those out of tolerance if there are any
  at::Scalar got{}, expected{};     ///< its two values
};

namespace detail {

/// "[3, 7]"
inline std::string list_text(at::IntArrayRef numbers) {
  std::string text;
  for (auto const each : numbers) text += (text.empty() ? "" : ", ") + std::to_string(each);
  return "[" + text + "]";
}

/// "float32 [2, 10]"
inline std::string tensor_text(at::Tensor const& tensor) {
  if (!tensor.defined()) return "an undefined tensor";
  auto const layout = tensor.layout() == at::kStrided ? "" : "sparse ";
  return layout + dtype_name(tensor.scalar_type()) + " " + list_text(tensor.sizes());
}

/// Shape, dtype, layout: empty when the same.
inline std::string tensor_difference(at::Tensor const& got, at::Tensor const& expected) {
  bool const same =
      got.defined() == expected.defined() &&
      (!got.defined() || (got.sizes() == expected.sizes() && got.scalar_type() == expected.scalar_type() &&
                          got.layout() == expected.layout()));
  return same ? std::string() : "expected " + tensor_text(expected) + ", got " + tensor_text(got);
}

/// On the CPU, dense, not quantized: what arithmetic can be done with.
inline at::Tensor plain(at::Tensor tensor) {
  tensor = tensor.detach();
  if (tensor.layout() != at::kStrided) tensor = tensor.to_dense();
  if (tensor.is_quantized()) tensor = tensor.dequantize();
  if (tensor.scalar_type() == at::kComplexHalf) tensor = tensor.to(at::kComplexFloat);
  if (tensor.is_floating_point() && tensor.element_size() == 1)
    tensor = tensor.to(at::kFloat);  // float8 has no isclose
  return tensor.cpu();
}

inline std::vector<std::int64_t> unraveled(std::int64_t flat, at::IntArrayRef sizes) {
  std::vector<std::int64_t> index(sizes.size());
  for (auto i = sizes.size(); i-- > 0;) {
    index[i] = flat % sizes[i];
    flat /= sizes[i];
  }
  return index;
}

/// Two tensors of the same shape and dtype, element by element.
struct elementwise {
  at::Tensor got, expected;  ///< plain, flat, in their own dtype
  at::Tensor matches;        ///< bool: within the tolerance
  at::Tensor difference;  ///< |got - expected| in float64; 0 where equal, infinity where only one is NaN or infinite

  elementwise(at::Tensor const& one, at::Tensor const& other, tolerance const& within)
      : got(plain(one).reshape(-1)), expected(plain(other).reshape(-1)) {
    matches = at::isclose(got, expected, within.rtol, within.atol, within.equal_nan);
    auto equal = got.eq(expected);
    if (within.equal_nan) equal = equal | (got.isnan() & expected.isnan());
    auto const wide = got.is_complex() ? at::kComplexDouble : at::kDouble;
    difference = (got.to(wide) - expected.to(wide)).abs().to(at::kDouble);
    if (at::isIntegralType(got.scalar_type(), true)) {
      // float64 can't tell 2^53 from 2^53 + 1, and int64 can't hold every difference
      auto const exact = (got.to(at::kLong) - expected.to(at::kLong)).abs().to(at::kDouble);
      difference = at::where(difference.lt(0x1p62), exact, difference);
    }
    difference = difference.nan_to_num(infinity, infinity).masked_fill(equal, 0);
  }

  static constexpr double infinity = std::numeric_limits<double>::infinity();

  [[nodiscard]] std::int64_t mismatched() const { return matches.numel() - matches.sum().item<std::int64_t>(); }
  [[nodiscard]] double max_abs() const { return matches.numel() ? difference.max().item<double>() : 0; }
  [[nodiscard]] double max_rel() const {
    if (!matches.numel()) return 0;
    auto const size = (expected.is_complex() ? expected : expected.to(at::kDouble)).abs().to(at::kDouble);
    return (difference / size).masked_fill(difference.eq(0), 0).nan_to_num(infinity, infinity).max().item<double>();
  }
  /// The flat index of the largest difference, of those out of tolerance if there are any. Not for empty tensors.
  [[nodiscard]] std::int64_t worst() const {
    auto const counts = mismatched() ? difference.masked_fill(matches, -1) : difference;
    return counts.argmax().item<std::int64_t>();
  }
};

}  // namespace detail

/// Are two tensors the same but for rounding? With the strictness of torch.testing.assert_close: shape and dtype must be
/// equal, nothing is broadcast, infinities must be the same, NaN equals nothing unless asked for. Without a tolerance,
/// the dtype's own is taken. Devices may differ; sparse and quantized tensors are compared by their values.
///
/// Source: torch/testing/_comparison.py, TensorLikePair.
///
/// @par Example
///     auto const result = td::close(got, expected, td::tolerance{.rtol = 1e-3, .atol = 1e-5});
///     if (!result.passed) std::cout << result.mismatched << " of " << result.numel << " differ\n";
[[nodiscard]] inline closeness close(at::Tensor const& got, at::Tensor const& expected,
                                     std::optional<tolerance> within = {}) {
  closeness result;
  result.difference = detail::tensor_difference(got, expected);
  if (!result.difference.empty()) return result;
  if (!got.defined()) {
    result.passed = true;
    return result;
  }
  c10::InferenceMode const inference;
  detail::elementwise const each(got, expected, within.value_or(default_tolerance(expected.scalar_type())));
  result.numel = got.numel();
  result.mismatched = each.mismatched();
  result.passed = result.mismatched == 0;
  result.max_abs = each.max_abs();
  result.max_rel = each.max_rel();
  if (result.numel == 0) return result;
  auto const worst = each.worst();
  result.index = detail::unraveled(worst, got.sizes());
  result.got = each.got[worst].item();
  result.expected = each.expected[worst].item();
  return result;
}

}  // namespace torchdeploy::inline v0
