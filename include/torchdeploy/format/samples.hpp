#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <range/v3/range/access.hpp>
#include <range/v3/range/concepts.hpp>
#include <range/v3/range/primitives.hpp>

#include <torchdeploy/core/artifact.hpp>
#include <torchdeploy/detail/libtorch/copies.hpp>
#include <torchdeploy/detail/libtorch/module.hpp>

namespace torchdeploy::inline v0 {

/// The arguments of one call of `forward`.
using example = std::vector<c10::IValue>;

namespace detail {
template <class T>
inline constexpr bool is_tuple = false;
template <class... Ts>
inline constexpr bool is_tuple<std::tuple<Ts...>> = (std::constructible_from<c10::IValue, Ts> && ...);
template <class A, class B>
inline constexpr bool is_tuple<std::pair<A, B>> =
    std::constructible_from<c10::IValue, A> && std::constructible_from<c10::IValue, B>;
template <class T>
inline constexpr bool is_example = std::same_as<T, example>;

// Neither library knows all of the other's ranges: to range-v3 0.12 a std::views::istream is none.
template <class R>
concept input_range = ranges::input_range<R> || std::ranges::input_range<R>;
template <class R>
concept forward_range = ranges::forward_range<R> || std::ranges::forward_range<R>;
template <class R>
using element_of = decltype(*std::begin(std::declval<std::remove_reference_t<R>&>()));
}  // namespace detail

/// One sample: a tensor (or whatever a model takes as its only argument; no number, or a string would be a range of them),
/// a tuple or pair of arguments, or an `example`.
template <class T>
concept sample = detail::is_example<std::remove_cvref_t<T>> || detail::is_tuple<std::remove_cvref_t<T>> ||
                 (std::constructible_from<c10::IValue, T> && !detail::input_range<std::remove_reference_t<T>> &&
                  !std::is_arithmetic_v<std::remove_cvref_t<T>>);

/// Any input range of samples: a container, a std:: view, a range-v3 view, single-pass or not. What its iterators throw is
/// the user's own, and passes through as it is.
template <class R>
concept sample_range = detail::input_range<std::remove_reference_t<R>> && !sample<R> && sample<detail::element_of<R>>;

/// The arguments that a sample stands for. Tensors are shared, not copied.
template <sample T>
[[nodiscard]] example to_example(T&& value) {
  using type = std::remove_cvref_t<T>;
  if constexpr (detail::is_example<type>)
    return std::forward<T>(value);
  else if constexpr (detail::is_tuple<type>)
    return std::apply([](auto&&... each) { return example{c10::IValue(std::forward<decltype(each)>(each))...}; },
                      std::forward<T>(value));
  else
    return example{c10::IValue(std::forward<T>(value))};
}

/// A few samples, held: what options such as `{.samples = images}` take. Converts from any range of samples, from one tensor
/// and from tensors in braces: `{.samples = image}`, `{.samples = {one, another}}`. Their tensors are shared, not copied: a
/// range that fills one buffer again and again must give clones of it.
class samples {
 public:
  samples() = default;
  template <sample_range R>
    requires(!std::same_as<std::remove_cvref_t<R>, samples>)
  samples(R&& range) {  // NOLINT: a conversion is what it is for
    for (auto&& each : range) examples_.push_back(to_example(std::forward<decltype(each)>(each)));
  }
  samples(at::Tensor const& one) : examples_{to_example(one)} {}  // NOLINT: as above
  samples(std::initializer_list<at::Tensor> tensors) {
    for (auto const& each : tensors) examples_.push_back(to_example(each));
  }

  [[nodiscard]] auto begin() const { return examples_.begin(); }
  [[nodiscard]] auto end() const { return examples_.end(); }
  [[nodiscard]] std::size_t size() const { return examples_.size(); }
  [[nodiscard]] bool empty() const { return examples_.empty(); }

 private:
  std::vector<example> examples_;
};

template <>
struct example_traits<example> {
  using samples = torchdeploy::samples;

  /// "[1, 3, 64, 64]", one for each tensor; the kind of what is none: "[1, 512] Int".
  static std::string shape(example const& inputs) {
    std::string text;
    for (auto const& each : inputs) {
      if (!text.empty()) text += ' ';
      if (!each.isTensor()) {
        text += each.tagKind();
        continue;
      }
      text += '[';
      for (auto const size : each.toTensor().sizes()) text += (text.back() == '[' ? "" : ", ") + std::to_string(size);
      text += ']';
    }
    return text;
  }
  static example copy(example const& inputs) {
    example copy;
    for (auto const& each : inputs) copy.push_back(detail::copy_of(each));
    return copy;
  }
};

namespace detail {

/// A model may write into what it is given: each call gets tensors of its own.
inline example copy_of(example const& inputs) { return example_traits<example>::copy(inputs); }

/// How a stage holds the range it was given: lvalue containers are borrowed, rvalues owned, views copied.
template <class R>
class held_range {
  using range_type = std::remove_reference_t<R>;
  static constexpr bool borrowed = std::is_lvalue_reference_v<R> && !ranges::view_<std::remove_cv_t<range_type>> &&
                                   !std::ranges::enable_view<std::remove_cv_t<range_type>>;

 public:
  static constexpr bool multi_pass = forward_range<range_type>;

  constexpr explicit held_range(R&& range) : range_(hold(std::forward<R>(range))) {}

  /// Number of samples, where the range can tell without being read.
  [[nodiscard]] std::optional<std::size_t> size() const {
    if constexpr (ranges::sized_range<range_type const>)
      return static_cast<std::size_t>(ranges::size(get()));
    else
      return std::nullopt;
  }

  /// Visit all. A view may cache while it is read, so a recipe, which several threads may run, reads a copy of it.
  template <class Visit>
  void for_each(Visit visit) const& {
    if constexpr (borrowed || input_range<range_type const>) {
      for (auto&& each : get()) visit(std::forward<decltype(each)>(each));
    } else {
      auto copy = range_;
      for (auto&& each : copy) visit(std::forward<decltype(each)>(each));
    }
  }
  template <class Visit>
  void for_each(Visit visit) && {
    if constexpr (borrowed)
      std::as_const(*this).for_each(std::move(visit));
    else
      for (auto&& each : range_) visit(std::forward<decltype(each)>(each));
  }

 private:
  static constexpr auto hold(R&& range) {
    if constexpr (borrowed)
      return &range;
    else
      return std::remove_cv_t<range_type>(std::forward<R>(range));
  }
  constexpr auto& get() const {
    if constexpr (borrowed)
      return *range_;
    else
      return range_;
  }

  std::conditional_t<borrowed, range_type*, std::remove_cv_t<range_type>> range_;
};

}  // namespace detail

}  // namespace torchdeploy::inline v0
