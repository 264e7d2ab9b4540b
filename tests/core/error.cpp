#include <torchdeploy/core/error.hpp>

#include <algorithm>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "support/catch.hpp"

namespace td = torchdeploy;

namespace {

std::string text_of(std::string const& path) {
  std::ifstream file(path);
  REQUIRE(file);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::multiset<std::string> all_matches(std::string const& text, char const* pattern) {
  std::regex const wanted(pattern);
  std::multiset<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), wanted), end; at != end; ++at) found.insert((*at)[1]);
  return found;
}

std::multiset<std::string> numbers_in_the_header() {
  return all_matches(text_of(TORCHDEPLOY_INCLUDE "/torchdeploy/core/error.hpp"), R"(\n  \w+ = (\d+),)");
}

}  // namespace

TEST_CASE("an error begins with its id, and its hint follows the text") {
  td::load_error const e(td::errc::file_missing, "expected a file, got nothing at 'm.pt'", "check the path");
  CHECK(std::string(e.what()) == "[torchdeploy.load.101] expected a file, got nothing at 'm.pt'; check the path");
  CHECK(e.code() == td::errc::file_missing);
  CHECK(e.stage() == "load");
  CHECK(e.id() == "torchdeploy.load.101");
  CHECK(e.hint() == "check the path");
}

TEST_CASE("an error that is too long keeps both ends of its text, on one line of 200 characters") {
  auto const middle = std::string(5000, 'x');
  td::error const e(td::errc::call_raised, "the model raised: " + middle + " at line 12\n  of forward");
  std::string const what = e.what();
  CHECK(what.size() == td::error::max_length);
  CHECK_THAT(what, StartsWith("[torchdeploy.deploy.604] the model raised: xxx"));
  CHECK_THAT(what, ContainsSubstring(" ... "));
  CHECK_THAT(what, EndsWith("at line 12   of forward"));
  CHECK(what.find('\n') == std::string::npos);
}

TEST_CASE("a text of exactly the length that fits is not cut") {
  auto const room = td::error::max_length - std::string("[torchdeploy.save.202] ").size();
  std::string const fits(room, 'y');
  CHECK_THAT(std::string(td::error(td::errc::write_failed, fits).what()), EndsWith("] " + fits));
  std::string const too_long(room + 1, 'y');
  CHECK(std::string(td::error(td::errc::write_failed, too_long).what()).size() == td::error::max_length);
  CHECK_THAT(std::string(td::error(td::errc::write_failed, too_long).what()), ContainsSubstring("y ... y"));
}

TEST_CASE("a hint that does not fit into the line can still be asked for") {
  std::string const hint(300, 'h');
  td::error const e(td::errc::no_samples, "no samples were given", hint);
  CHECK(std::string(e.what()) == "[torchdeploy.quantize.401] no samples were given");
  CHECK(e.hint() == hint);
}

TEST_CASE("an error that is cut ends in whole characters") {
  std::string text = "expected a file, got ";
  for (int i = 0; i < 200; ++i) text += "\u00e9";
  auto const is_tail = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
  for (std::size_t shift = 0; shift < 4; ++shift) {
    std::string const what = td::error(td::errc::file_missing, std::string(shift, 'x') + text).what();
    auto const gap = what.find(" ... ");
    REQUIRE(gap != std::string::npos);
    CHECK(what.size() <= td::error::max_length);
    CHECK(is_tail(what[gap - 1]));           // the last byte before the gap ends a character
    CHECK_FALSE(is_tail(what[gap + 5]));     // the first byte after it begins one
  }
}

TEST_CASE("what an error wraps can be reached") {
  auto const fail = [] {
    try {
      throw std::out_of_range("a few kilobytes from below");
    } catch (...) {
      std::throw_with_nested(td::quantization_error(td::errc::calibration_raised, "the model raised on sample 3"));
    }
  };
  try {
    fail();
    FAIL("nothing was thrown");
  } catch (td::error const& e) {
    CHECK(e.stage() == "quantize");
    CHECK_THROWS_AS(std::rethrow_if_nested(e), std::out_of_range);
  }
}

TEST_CASE("all errors can be caught as the library's, and as the standard's") {
  CHECK_THROWS_AS(throw td::format_error(td::errc::wrong_format, "expected a zip"), td::error);
  CHECK_THROWS_AS(throw td::export_error(td::errc::write_failed, "the disk is full"), td::error);
  CHECK_THROWS_AS(throw td::backend_error(td::errc::method_missing, "there is no 'forward'"), std::runtime_error);
}

TEST_CASE("each number is given once, and its hundreds name a stage") {
  auto const numbers = numbers_in_the_header();
  REQUIRE(numbers.size() > 20);
  for (auto const& number : numbers) {
    CAPTURE(number);
    CHECK(numbers.count(number) == 1);
    CHECK_FALSE(td::error::stage_of(td::errc{std::stoi(number)}).empty());
  }
}

TEST_CASE("each error has a heading in docs/errors.md, and each heading an error") {
  auto const headings = all_matches(text_of(TORCHDEPLOY_DOCS "/errors.md"), R"(\n#+ [^\n]*torchdeploy\.\w+\.(\d+))");
  CHECK(headings == numbers_in_the_header());
}
