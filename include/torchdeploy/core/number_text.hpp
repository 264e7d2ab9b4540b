#pragma once

#include <array>
#include <charconv>
#include <string>
#include <system_error>

/// Numbers as text, with a point whatever the locale is.
namespace torchdeploy::inline v0::detail {

inline std::string printed(double value, std::chars_format format, int precision) {
  std::array<char, 400> text{};
  auto const end = std::to_chars(text.data(), text.data() + text.size(), value, format, precision);
  return end.ec == std::errc() ? std::string(text.data(), end.ptr) : std::string("?");
}

/// So many digits behind the point: "0.300".
inline std::string fixed(double value, int digits) { return printed(value, std::chars_format::fixed, digits); }

/// So many digits that matter: "0.3", "1e-05".
inline std::string number_text(double value, int digits = 6) {
  return printed(value, std::chars_format::general, digits);
}

}  // namespace torchdeploy::inline v0::detail
