#include <torchdeploy/core/number_text.hpp>

#include <clocale>
#include <limits>

#include "support/catch.hpp"

using torchdeploy::detail::fixed;
using torchdeploy::detail::number_text;

TEST_CASE("numbers are printed as printf does, in any size") {
  CHECK(fixed(1.25, 2) == "1.25");
  CHECK(fixed(0.30001, 1) == "0.3");
  CHECK(fixed(1e300, 1).size() == 303);
  CHECK(number_text(0.3) == "0.3");
  CHECK(number_text(0.5688123, 4) == "0.5688");
  CHECK(number_text(1e-5) == "1e-05");
  CHECK(number_text(1e308) == "1e+308");
  CHECK(number_text(std::numeric_limits<double>::infinity()) == "inf");
  CHECK(number_text(std::numeric_limits<double>::quiet_NaN()) == "nan");
}

TEST_CASE("a locale with a comma changes no number") {
  for (auto const* const name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"})
    if (std::setlocale(LC_NUMERIC, name)) break;
  CHECK(fixed(0.5, 3) == "0.500");
  CHECK(number_text(0.5) == "0.5");
  std::setlocale(LC_NUMERIC, "C");
}
