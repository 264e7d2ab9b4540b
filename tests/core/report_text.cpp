#include <algorithm>
#include <sstream>
#include <string>

#include <torchdeploy/core/report_text.hpp>

#include "support/catch.hpp"

namespace td = torchdeploy;

namespace {
td::report one_stage(td::stage_report entry) {
  td::report all;
  { auto const clock = all.start(entry.stage); }
  all.current() = std::move(entry);
  return all;
}
std::string text_of(td::stage_report entry) { return td::to_text(one_stage(std::move(entry))); }
}  // namespace

TEST_CASE("bytes are told in the unit a reader would choose") {
  CHECK(td::detail::in_bytes(0) == "0 B");
  CHECK(td::detail::in_bytes(9'999) == "9999 B");
  CHECK(td::detail::in_bytes(10'000) == "10.0 kB");
  CHECK(td::detail::in_bytes(46'796'608) == "46.8 MB");
}

TEST_CASE("a stage is a line with its time, its bytes and its details in order") {
  auto const text = text_of({.stage = "quantize",
                             .seconds = 1.5,
                             .bytes_before = 200'000,
                             .bytes_after = 50'000,
                             .details = {{"engine", "x86"}, {"samples", "8"}}});
  CHECK(text == "quantize      1.500 s  200.0 kB -> 50.0 kB  engine x86  samples 8\n");
}

TEST_CASE("bytes that nobody told are not printed") {
  CHECK(text_of({.stage = "tap", .seconds = 0}) == "tap           0.000 s\n");
  CHECK_THAT(text_of({.stage = "save", .bytes_after = 1'000}), EndsWith("  1000 B\n"));
}

TEST_CASE("long details go on in further lines, each whole") {
  td::stage_report entry{.stage = "verify"};
  for (int i = 0; i < 20; ++i) entry.details.emplace_back("detail" + std::to_string(i), std::string(20, 'x'));
  auto const text = text_of(entry);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 110);
  for (auto const& [name, value] : entry.details) CHECK_THAT(text, ContainsSubstring(name + " " + value));
  CHECK(std::count(text.begin(), text.end(), '\n') > 4);
}

TEST_CASE("a layer in float is printed with its reason") {
  auto const text = text_of({.stage = "quantize",
                             .layers = {{.name = "fc",
                                         .kind = "addmm",
                                         .precision = "float32",
                                         .reason = "graph mode knows aten::linear",
                                         .bytes = 400}}});
  CHECK_THAT(text, ContainsSubstring("  fc "));
  CHECK_THAT(text, ContainsSubstring("float32  400 B  graph mode knows aten::linear\n"));
}

TEST_CASE("a finding is printed with its weight, id and hint") {
  auto const text = text_of({.stage = "load",
                             .findings = {{.id = "train-mode-trace",
                                           .level = td::severity::fault,
                                           .place = "dropout",
                                           .text = "traced in train mode",
                                           .hint = "trace again"}}});
  CHECK_THAT(text, EndsWith("  fault [train-mode-trace] traced in train mode; trace again\n"));
}

TEST_CASE("a name longer than its column loses nothing") {
  auto const name = std::string(300, 'n');
  CHECK_THAT(text_of({.stage = "prune", .layers = {{.name = name, .kind = "linear", .precision = "int8"}}}),
             ContainsSubstring(name));
}

TEST_CASE("a report is streamed as its text") {
  auto const all = one_stage({.stage = "load"});
  std::ostringstream out;
  out << all;
  CHECK(out.str() == td::to_text(all));
}
