#include <torchdeploy/report/chart.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace td = torchdeploy;
using namespace td::detail;

namespace {
std::size_t count(std::string const& text, std::string const& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}
}  // namespace

TEST_CASE("an axis has a few round steps that enclose the values and zero") {
  CHECK(ticks(0, 3) == std::vector<double>{0, 1, 2, 3});
  CHECK(ticks(0, 33.25) == std::vector<double>{0, 10, 20, 30, 40});
  CHECK(ticks(0, 2'360'000).back() == 3'000'000);
  CHECK(ticks(12, 33).front() == 0);
  auto const both = ticks(-3, 12);
  CHECK(both.front() == -5);
  CHECK(both.back() == 15);
}

TEST_CASE("an axis of any numbers has at least two steps and at most seven") {
  constexpr auto most = std::numeric_limits<double>::max();
  for (double const high : {0.0, 5e-324, 1e-320, 1e-300, 0.1, 0.3, 0.7, 1.0, 99.999, 1e15, 1e300, most})
    for (double const low : {0.0, -high, -high / 3, -5e-324}) {
      auto const axis = ticks(low, high);
      CAPTURE(low, high, axis);
      REQUIRE(axis.size() >= 2);
      CHECK(axis.size() <= 7);
      CHECK(axis.front() < axis.back());
      CHECK(std::isfinite(axis.front()));
      CHECK(std::isfinite(axis.back()));
    }
}

TEST_CASE("a chart has a column for each value, as high as the value is large") {
  auto const svg = bar_chart({{0, "int8", "a"}, {5, "int8", "b"}, {10, "float", "c"}, {NAN, "int8", "d"}}, "values");
  CHECK(count(svg, "<rect class=\"int8\"") == 1);  // zero and the unknown have none
  CHECK(count(svg, "<rect class=\"float\"") == 1);
  CHECK(count(svg, "<title>") == 4);
  CHECK_THAT(svg, ContainsSubstring("class=\"float\" x=\"52.750%\" width=\"19.500%\" y=\"8.00\" height=\"110.00\""));
  CHECK_THAT(svg, ContainsSubstring("class=\"int8\" x=\"27.750%\" width=\"19.500%\" y=\"63.00\" height=\"55.00\""));
}

TEST_CASE("the smallest value is seen, an infinite one ends at the edge") {
  auto const svg = bar_chart({{1e-9, "int8", ""}, {INFINITY, "float", ""}, {-INFINITY, "other", ""}, {10, "", ""}}, "");
  CHECK_THAT(svg,
             ContainsSubstring("<rect class=\"int8\" x=\"2.750%\" width=\"19.500%\" y=\"117.00\" height=\"1.00\""));
  CHECK_THAT(svg,
             ContainsSubstring("<rect class=\"float\" x=\"27.750%\" width=\"19.500%\" y=\"8.00\" height=\"110.00\""));
  CHECK(svg.find("inf") == svg.npos);
}

TEST_CASE("values below zero hang from the line of zero") {
  auto const svg = bar_chart({{-10, "int8", ""}, {10, "float", ""}}, "");
  CHECK_THAT(svg,
             ContainsSubstring("<rect class=\"int8\" x=\"5.500%\" width=\"39.000%\" y=\"63.00\" height=\"55.00\""));
  CHECK(count(svg, "class=\"zero\"") == 1);
}

TEST_CASE("a chart says what it shows, and its labels are escaped") {
  auto const svg = bar_chart({{1, "int8", "a<b"}}, "bytes of \"net\"");
  CHECK_THAT(svg, ContainsSubstring("role=\"img\" aria-label=\"bytes of &quot;net&quot;\""));
  CHECK_THAT(svg, ContainsSubstring("<title>a&lt;b</title>"));
}

TEST_CASE("of many columns some are numbered, the first among them") {
  auto const svg = bar_chart(std::vector<bar>(156, bar{1, "int8", ""}), "");
  auto const plot = svg.substr(svg.find("class=\"plot\""));
  CHECK(count(plot, "<text") <= 12);
  CHECK_THAT(plot, ContainsSubstring(">1</text>") && ContainsSubstring(">140</text>"));
}
