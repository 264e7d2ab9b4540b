// What users do wrong, in lists: each misuse gives one of our errors, with its id, what was expected and a hint, in a line of
// 200 characters at most, and leaves no file behind. What docs/errors.md shows is what they say.
#pragma once

#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "support/models.hpp"

namespace test {

struct misuse {
  char const* what;
  td::errc code;
  std::function<void(std::filesystem::path const&)> commit;  ///< is given an empty folder
};

/// A line without what differs from run to run: numbers, and what is quoted.
inline std::string outline(std::string const& line) {
  static std::regex const quoted(R"((^|[^A-Za-z])'[^']*')"), number(R"(-?[0-9][0-9.e+-]*)");
  return std::regex_replace(std::regex_replace(line, quoted, "$1''"), number, "0");
}

/// The lines of docs/errors.md that show an error, whole.
inline std::vector<std::string> documented_lines() {
  std::ifstream page(TORCHDEPLOY_DOCS "/errors.md");
  std::vector<std::string> lines;
  for (std::string line; std::getline(page, line);)
    if (line.starts_with("    [torchdeploy.")) lines.push_back(line.substr(4));
  return lines;
}

/// "[torchdeploy.load.101] ..."
inline td::errc code_of(std::string const& line) {
  return static_cast<td::errc>(std::stoi(line.substr(line.find(']') - 3, 3)));
}

/// Commit them all. The page's lines of the codes that are `shown_here` must be among what they say.
inline void commit(std::vector<misuse> const& all, std::function<bool(td::errc)> const& shown_here) {
  std::set<std::string> thrown_lines;
  for (auto const& each : all) {
    INFO(each.what);
    temporary_folder const folder;
    try {
      each.commit(folder.path());
      FAIL_CHECK("nothing was thrown");
    } catch (td::error const& thrown) {
      INFO(thrown.what());
      std::string const text = thrown.what();
      CHECK(thrown.code() == each.code);
      CHECK(text.size() <= td::error::max_length);
      CHECK(text.starts_with("[" + td::error::id_of(each.code) + "] "));
      CHECK_FALSE(thrown.hint().empty());
      thrown_lines.insert(outline(text));
    } catch (std::exception const& thrown) {
      FAIL_CHECK("not ours: " + std::string(thrown.what()).substr(0, 300));
    }
    for (auto const& left : std::filesystem::directory_iterator(folder.path()))
      CHECK(left.path().extension() != ".tmp");
  }
  for (auto const& line : documented_lines()) {
    if (!shown_here(code_of(line))) continue;
    INFO("docs/errors.md: " << line);
    CHECK(thrown_lines.contains(outline(line)));
  }
}

}  // namespace test
