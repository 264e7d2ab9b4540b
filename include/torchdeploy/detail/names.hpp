#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fnmatch.h>

#include <torchdeploy/core/error.hpp>

/// Names that users write: patterns that stand for several, and what was meant by one that is unknown.
namespace torchdeploy::inline v0::detail {

/// Does a shell's pattern ("layer1.*", "*.conv?", "[!f]c") match the whole name? `*` matches dots too.
inline bool matches(std::string const& pattern, std::string const& name) {
  return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

/// How many letters to insert, remove or replace to make one of the other (Levenshtein).
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j)
      diagonal = std::exchange(row[j + 1], std::min({row[j] + 1, row[j + 1] + 1, diagonal + (a[i] != b[j])}));
  }
  return row.back();
}

/// A hint for an unknown name: "did you mean 'reset_states'?", or, with none near, "there are: 'encode', 'decode'".
inline std::string did_you_mean(std::string_view wanted, std::vector<std::string> const& known) {
  if (known.empty()) return "there is none";
  auto const nearest = std::min_element(known.begin(), known.end(), [&](auto const& a, auto const& b) {
    return edit_distance(wanted, a) < edit_distance(wanted, b);
  });
  if (edit_distance(wanted, *nearest) <= std::max<std::size_t>(2, wanted.size() / 3))
    return "did you mean '" + *nearest + "'?";
  constexpr std::size_t shown = 4;
  std::string all;
  for (std::size_t i = 0; i < std::min(shown, known.size()); ++i) all += (i ? ", '" : "'") + known[i] + "'";
  return "there are: " + all + (known.size() > shown ? ", ..." : "");
}

/// A pattern that matches nothing is a slip: say so before any work is done.
template <class Error>
void demand_match(errc code, std::string const& pattern, std::vector<std::string> const& names) {
  if (std::none_of(names.begin(), names.end(), [&](auto const& name) { return matches(pattern, name); }))
    throw Error(code, "expected a pattern that matches a layer, got '" + pattern + "'", did_you_mean(pattern, names));
}

}  // namespace torchdeploy::inline v0::detail
