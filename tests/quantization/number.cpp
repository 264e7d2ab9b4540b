#include <torchdeploy/quantization/number.hpp>

#include <concepts>

#include "support/catch.hpp"

namespace {

namespace td = torchdeploy;

template <td::detail::number N>
struct tagged {};
template <td::detail::number N>
constexpr auto text = td::detail::label<"p ", N>;

}  // namespace

TEST_CASE("a number is a template argument, written as an integer or not") {
  CHECK(std::same_as<tagged<99>, tagged<99.0>>);
  CHECK(std::same_as<tagged<0.5F>, tagged<0.5>>);
  CHECK_FALSE(std::same_as<tagged<99>, tagged<99.9>>);
}

TEST_CASE("a label tells a number in decimal, up to six places") {
  CHECK(text<99.99> == "p 99.99");
  CHECK(text<99> == "p 99");
  CHECK(text<100> == "p 100");
  CHECK(text<0.01> == "p 0.01");
  CHECK(text<0.1F> == "p 0.1");
  CHECK(text<99.999999> == "p 99.999999");
  CHECK(text<0.000001> == "p 0.000001");
  CHECK(text<10.05> == "p 10.05");
  CHECK(text<1234567.5> == "p 1234567.5");
}
