#include <torchdeploy/verification/layer_score.hpp>

#include "support/models.hpp"

namespace {
td::layer_score layer(std::string name, bool diverges) {
  td::layer_score one{.name = std::move(name), .kind = "conv2d", .precision = "int8"};
  one.diverges = diverges;
  return one;
}
std::vector<std::string> lines_of(std::string const& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    auto const end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}
}  // namespace

TEST_CASE("the table of layers marks the first that diverges, and the others") {
  auto const lines =
      lines_of(td::detail::layers_text({layer("good", false), layer("bad", true), layer("worse", true)}));
  REQUIRE(lines.size() == 5);  // the text begins with a line's end
  CHECK(lines[0].empty());
  CHECK_THAT(lines[1], ContainsSubstring("sqnr dB") && ContainsSubstring("reference"));
  CHECK_THAT(lines[2], StartsWith("      good"));
  CHECK_THAT(lines[3], StartsWith("  ->  bad"));
  CHECK_THAT(lines[4], StartsWith("   *  worse"));
}

TEST_CASE("what was not measured is not in the table of layers") {
  auto measured = layer("a", false), other = layer("b", true);
  measured.milliseconds = 1.5;
  other.structure = "shape [2] against [3]";
  auto const lines = lines_of(td::detail::layers_text({measured, other}));
  CHECK_THAT(lines.at(2), ContainsSubstring("1.500"));
  CHECK(lines.at(3).back() == '-');
  for (auto const& line : lines) CHECK((line.empty() || line.back() != ' '));
  CHECK(lines_of(td::detail::layers_text({})).size() == 2);
}
