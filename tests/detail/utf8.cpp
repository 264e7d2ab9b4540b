#include <torchdeploy/detail/utf8.hpp>

#include <string>

#include "support/catch.hpp"

namespace td = torchdeploy;

namespace {
std::string const no_character = "\xEF\xBF\xBD";
}

TEST_CASE("valid UTF-8 stays as it is") {
  for (std::string const text :
       {"", "layer1.0.conv2", "ä\xC3\xB6", "\xE2\x82\xAC", "\xF0\x9F\x94\xA5", "\xF4\x8F\xBF\xBF"})
    CHECK(td::detail::valid_utf8(text) == text);
}

TEST_CASE("each byte that is not UTF-8 is replaced") {
  using td::detail::valid_utf8;
  CHECK(valid_utf8("a\xFF"
                   "b") == "a" + no_character + "b");
  CHECK(valid_utf8("\x80") == no_character);
  CHECK(valid_utf8("\xE2\x82") == no_character + no_character);  // ends too early
  CHECK(valid_utf8("\xC0\xAF") == no_character + no_character);  // '/', longer than needed
  CHECK(valid_utf8("\xE0\x80\xAF") == no_character + no_character + no_character);
  CHECK(valid_utf8("\xED\xA0\x80") == no_character + no_character + no_character);  // half a surrogate pair
  CHECK(valid_utf8("\xF4\x90\x80\x80").size() == 4 * no_character.size());          // above U+10FFFF
  CHECK(valid_utf8("\xE2"
                   "ab") == no_character + "ab");
}

TEST_CASE("a character is as long as its first byte says, where the others follow") {
  using td::detail::character_size;
  CHECK(character_size("") == 0);
  CHECK(character_size("ab") == 1);
  CHECK(character_size("\xC3\xA4"
                       "b") == 2);
  CHECK(character_size("\xE2\x82\xAC") == 3);
  CHECK(character_size("\xF0\x9F\x94\xA5") == 4);
  CHECK(character_size("\xF0\x9F\x94") == 0);
}
