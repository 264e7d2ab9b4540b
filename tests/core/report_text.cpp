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
  CHECK(td::detail::in_bytes(14'600'000'000) == "14.6 GB");
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

TEST_CASE("a finding is printed with its weight, id, place and hint") {
  auto const text = text_of({.stage = "load",
                             .findings = {{.id = "train-mode-trace",
                                           .level = td::severity::fault,
                                           .place = "dropout",
                                           .text = "traced in train mode",
                                           .hint = "trace again"}}});
  CHECK_THAT(text, EndsWith("  fault [train-mode-trace] dropout: traced in train mode\n    trace again\n"));
}

TEST_CASE("a name longer than its column loses nothing") {
  auto const name = std::string(300, 'n');
  CHECK_THAT(text_of({.stage = "prune", .layers = {{.name = name, .kind = "linear", .precision = "int8"}}}),
             ContainsSubstring(name));
}

TEST_CASE("layers stand in columns, numbers to the right") {
  auto const text = text_of({.stage = "verify",
                             .layers = {{.name = "conv1", .kind = "conv2d", .precision = "int8", .bytes = 336},
                                        {.name = "layer1.0.downsample",
                                         .kind = "addmm",
                                         .precision = "float32",
                                         .reason = "excluded",
                                         .bytes = 25'200,
                                         .sparsity = 0.3,
                                         .milliseconds = 12.5,
                                         .sqnr_db = 31.25}}});
  CHECK_THAT(text, ContainsSubstring("\n"
                                     "  conv1                conv2d  int8       336 B\n"
                                     "  layer1.0.downsample  addmm   float32  25.2 kB  30.0 % zeros  12.500 ms  31.2 dB"
                                     "  excluded\n"));
}

TEST_CASE("columns count characters, not bytes") {
  auto const text = text_of(
      {.stage = "prune", .layers = {{.name = "\xC3\xA4\xC3\xB6", .kind = "linear"}, {.name = "ab", .kind = "linear"}}});
  CHECK_THAT(text, ContainsSubstring("  \xC3\xA4\xC3\xB6  linear\n  ab  linear\n"));
}

TEST_CASE("one long name does not push the columns of the others out") {
  auto const name = std::string(60, 'n');
  auto const text =
      text_of({.stage = "prune", .layers = {{.name = name, .kind = "linear"}, {.name = "fc", .kind = "linear"}}});
  CHECK_THAT(text, ContainsSubstring("\n  " + name + "\n      linear\n  fc  linear\n"));
}

TEST_CASE("reasons and findings go on in further lines, between words") {
  std::string sentence;
  for (int i = 0; i < 40; ++i) sentence += "word" + std::to_string(i) + " ";
  auto const text = text_of({.stage = "quantize",
                             .layers = {{.name = "fc", .kind = "linear", .precision = "float32", .reason = sentence}},
                             .findings = {{"some-id", td::severity::note, "fc", sentence, "a hint"}}});
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    CHECK(line.size() <= 110);
    CHECK((line.empty() || line.back() != ' '));
  }
  CHECK_THAT(text, ContainsSubstring("word39") && ContainsSubstring("a hint"));
}

TEST_CASE("a name with line breaks or commands to a terminal stays in its line") {
  auto const text = text_of({.stage = "a\nb", .layers = {{.name = "x\n\x1b[31m", .kind = "k"}}});
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  CHECK(text.find('\x1b') == text.npos);
}

TEST_CASE("a report is streamed as its text") {
  auto const all = one_stage({.stage = "load"});
  std::ostringstream out;
  out << all;
  CHECK(out.str() == td::to_text(all));
}
