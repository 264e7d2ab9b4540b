#include <torchdeploy/report/markup.hpp>

#include <clocale>
#include <string>

#include "support/catch.hpp"

namespace td = torchdeploy;
using namespace td::detail;

TEST_CASE("what means something in HTML is escaped") {
  CHECK(escaped("<a href=\"x\">'&amp;'</a>") == "&lt;a href=&quot;x&quot;&gt;&#39;&amp;amp;&#39;&lt;/a&gt;");
  CHECK(escaped("layer1.0.conv2") == "layer1.0.conv2");
}

TEST_CASE("control characters are shown, not obeyed") {
  CHECK(escaped("\x1b[31m") == "\xE2\x90\x9B[31m");
  CHECK(escaped(std::string(1, '\0')) == "\xE2\x90\x80");
  CHECK(escaped("\x7F") == "\xE2\x90\xA1");
  CHECK(escaped("\xC2\x85") == "\xEF\xBF\xBD");
  CHECK(escaped("\xC2\xA0") == "\xC2\xA0");
}

TEST_CASE("what is no character becomes the replacement character") {
  CHECK(escaped("\xFFz") == "\xEF\xBF\xBDz");
  CHECK(escaped("\xEF\xBF\xBF") == "\xEF\xBF\xBD");
}

TEST_CASE("a long name loses its middle, whole characters of it") {
  CHECK(elided("features.0") == "features.0");
  auto const name = "begin" + std::string(100, 'x') + "end";
  auto const shown = elided(name);
  CHECK(columns(shown) == 44);
  CHECK_THAT(shown, StartsWith("begin") && EndsWith("end") && ContainsSubstring("\xE2\x80\xA6"));
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "\xC3\xA4";
  CHECK(valid_utf8(elided(umlauts)) == elided(umlauts));
  CHECK(columns(elided(umlauts)) == 44);
}

TEST_CASE("numbers have a point, whatever the locale") {
  auto const was = std::string(std::setlocale(LC_NUMERIC, nullptr));
  for (auto const* locale : {"de_DE.UTF-8", "fr_FR.UTF-8"}) std::setlocale(LC_NUMERIC, locale);
  std::setlocale(LC_NUMERIC, was.c_str());
}

TEST_CASE("thousands are set apart") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(25610152) ==
        "25\xE2\x80\xAF"
        "610\xE2\x80\xAF"
        "152");
}
