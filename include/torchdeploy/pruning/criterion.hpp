#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>
#include <vector>

#include <torchdeploy/detail/libtorch/generator.hpp>

namespace torchdeploy::inline v0 {

/// What says how much each weight matters: those of the least importance are pruned.
///
/// A user's own criterion is any type with a name and `importance`, which gives each weight of a layer its importance (a
/// tensor of the same shape). It may also have
/// - `slice_importance(weight, dimension)`: the importance of each slice along a dimension, [size of that dimension].
///   Without it a slice is worth the mean of its elements.
/// - `seed(std::uint64_t)`, if it draws. What draws is not shown a whole layer but only the weights not yet pruned, flat,
///   since how many it draws decides what it draws next.
///
/// @par Example
///     struct Smallest {  // whatever the sign
///       static constexpr std::string_view name = "smallest";
///       static at::Tensor importance(at::Tensor const& weight) { return weight; }
///     };
template <class C>
concept pruning_criterion = std::default_initializable<C> && requires(C c, at::Tensor const& weight) {
  { C::name } -> std::convertible_to<std::string_view>;
  { c.importance(weight) } -> std::convertible_to<at::Tensor>;
};

/// A criterion that draws.
template <class C>
concept seeded_criterion = pruning_criterion<C> && requires(C c, std::uint64_t seed) { c.seed(seed); };

namespace detail {

/// All dimensions but one.
inline std::vector<std::int64_t> dimensions_without(std::int64_t dimension, std::int64_t count) {
  std::vector<std::int64_t> others;
  for (std::int64_t i = 0; i < count; ++i)
    if (i != dimension) others.push_back(i);
  return others;
}

template <int Order>
struct magnitude {
  static at::Tensor importance(at::Tensor const& weight) { return weight.abs(); }
  static at::Tensor slice_importance(at::Tensor const& weight, std::int64_t dimension) {
    return at::linalg_vector_norm(weight, Order, dimensions_without(dimension, weight.dim()));
  }
};

}  // namespace detail

/// The smallest magnitudes go; of slices, those of the smallest L1 norm. torch: l1_unstructured and ln_structured with
/// n=1, torch/nn/utils/prune.py.
struct L1 : detail::magnitude<1> {
  static constexpr std::string_view name = "l1";
};

/// As L1 for elements; of slices, those of the smallest L2 norm. torch: ln_structured with n=2.
struct L2 : detail::magnitude<2> {
  static constexpr std::string_view name = "l2";
};

/// What goes is drawn, by a generator of its own: the same seed, the same weights, and the global generator is left alone.
/// torch: random_unstructured and random_structured after torch.manual_seed(seed), layer by layer.
class Random {
 public:
  static constexpr std::string_view name = "random";

  void seed(std::uint64_t value) { generator_.set_current_seed(value); }

  at::Tensor importance(at::Tensor const& weights) {  // torch drops the largest of these, and the smallest of slices
    auto const dtype = c10::toRealValueType(weights.scalar_type());
    return at::rand(weights.sizes(), generator_, at::TensorOptions(dtype)).neg().to(weights.device());
  }
  at::Tensor slice_importance(at::Tensor const& weight, std::int64_t dimension) {
    return at::rand({weight.size(dimension)}, generator_, at::TensorOptions(at::kFloat)).to(weight.device());
  }

 private:
  at::Generator generator_ = at::make_generator<at::CPUGeneratorImpl>(std::uint64_t{0});
};

}  // namespace torchdeploy::inline v0
