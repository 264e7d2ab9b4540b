#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace torchdeploy::inline v0::detail {

/// Bytes of the character that the text begins with, or 0 where it begins with none. Source: Unicode 15, table 3-7.
inline std::size_t character_size(std::string_view text) {
  if (text.empty()) return 0;
  auto const byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  auto const lead = byte(0);
  if (lead < 0x80) return 1;
  auto const size = lead < 0xC2 ? 0U : lead < 0xE0 ? 2U : lead < 0xF0 ? 3U : lead < 0xF5 ? 4U : 0U;
  auto low = lead == 0xE0 ? 0xA0U : lead == 0xF0 ? 0x90U : 0x80U;    // neither longer than needed,
  auto high = lead == 0xED ? 0x9FU : lead == 0xF4 ? 0x8FU : 0xBFU;  // nor half a pair, nor above U+10FFFF
  for (std::size_t i = 1; i < size; ++i) {
    if (byte(i) < low || byte(i) > high) return 0;
    low = 0x80, high = 0xBF;
  }
  return size;
}

/// The text, with U+FFFD for each byte that is not UTF-8: names of files may hold anything, JSON and HTML may not.
inline std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    auto const size = character_size(text);
    valid.append(size ? text.substr(0, size) : std::string_view("\xEF\xBF\xBD"));
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return valid;
}

}  // namespace torchdeploy::inline v0::detail
