#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <torchdeploy/core/report_text.hpp>
#include <torchdeploy/detail/utf8.hpp>

namespace torchdeploy::inline v0::detail {

inline void put(std::string& page, std::initializer_list<std::string_view> parts) {
  for (auto const part : parts) page += part;
}

/// Text for HTML and for attributes in double quotes, valid as XML too. Control characters become their pictures (U+2400
/// and on) or, like what is no character at all, U+FFFD: they are to be seen, not obeyed.
inline std::string escaped(std::string_view text) {
  std::string safe;
  safe.reserve(text.size() + text.size() / 8);
  for (std::size_t size = 0; !text.empty(); text.remove_prefix(size)) {
    size = character_size(text);
    auto const character = text.substr(0, size);
    auto const c = static_cast<unsigned char>(text.front());
    if (c == '&')
      safe += "&amp;";
    else if (c == '<')
      safe += "&lt;";
    else if (c == '>')
      safe += "&gt;";
    else if (c == '"')
      safe += "&quot;";
    else if (c == '\'')
      safe += "&#39;";
    else if (c < ' ')
      safe.append("\xE2\x90").push_back(static_cast<char>(0x80 + c));
    else if (c == 0x7F)
      safe += "\xE2\x90\xA1";
    else if (size == 0 || (c == 0xC2 && character < "\xC2\xA0") || character == "\xEF\xBF\xBE" ||
             character == "\xEF\xBF\xBF")
      safe += "\xEF\xBF\xBD";
    else
      safe += character;
    if (size == 0) size = 1;
  }
  return safe;
}

/// A long name without its middle: both ends tell most. In valid UTF-8.
inline std::string elided(std::string_view name, std::size_t most = 44) {
  auto const whole = valid_utf8(name);
  if (columns(whole) <= most) return whole;
  auto const first = [&](std::size_t count) {
    std::size_t at = 0;
    for (; count > 0; --count) at += character_size(std::string_view(whole).substr(at));
    return at;
  };
  auto const head = most / 3, tail = most - 1 - head;
  return whole.substr(0, first(head)) + "\xE2\x80\xA6" + whole.substr(first(columns(whole) - tail));
}

/// A count with its thousands apart: 25 610 152, by narrow spaces that don't break.
inline std::string grouped(std::uint64_t count) {
  auto const digits = std::to_string(count);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += "\xE2\x80\xAF";
    text += digits[i];
  }
  return text;
}

}  // namespace torchdeploy::inline v0::detail
