#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>

/// Numbers as template arguments of observers, and the names that tell them.
namespace torchdeploy::inline v0::detail {

/// A number as a template argument: `Percentile<99.99>`, `Percentile<99>`. (clang takes no plain double there before 18.)
struct number {
  double value;
  template <class T>
    requires std::is_arithmetic_v<T>
  consteval number(T given) : value(static_cast<double>(given)) {}  // NOLINT: to be written as a number
};

template <std::size_t N>
struct literal {
  std::array<char, N> text{};
  consteval literal(char const (&characters)[N]) { std::copy_n(characters, N, text.begin()); }
};

/// "prefix 99.99": a positive number in decimal, up to six places, since std::to_chars is not constexpr in C++20.
template <literal Prefix, number C>
struct labelled {
  static constexpr std::size_t prefix = Prefix.text.size() - 1;
  std::array<char, prefix + 24> text{};
  std::size_t size = prefix;

  consteval labelled() {
    std::copy_n(Prefix.text.begin(), prefix, text.begin());
    auto const millionths = static_cast<unsigned long long>(C.value * 1e6 + 0.5);
    auto place = 1'000'000ULL;
    while (millionths / place >= 10) place *= 10;
    for (auto rest = millionths; place > 0 && (rest > 0 || place >= 1'000'000ULL); place /= 10) {
      if (place == 100'000ULL) text[size++] = '.';
      text[size++] = static_cast<char>('0' + rest / place);
      rest %= place;
    }
  }
};
template <literal Prefix, number C>
inline constexpr labelled<Prefix, C> label_storage{};
template <literal Prefix, number C>
inline constexpr std::string_view label{label_storage<Prefix, C>.text.data(), label_storage<Prefix, C>.size};

}  // namespace torchdeploy::inline v0::detail
