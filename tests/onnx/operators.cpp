#include <torchdeploy/onnx/operators.hpp>

#include <algorithm>
#include <iterator>

#include "support/models.hpp"

using td::detail::arity_of;

TEST_CASE("an operator's arity is that of the newest version that the opset has") {
  REQUIRE(arity_of("Clip", 10));
  CHECK(arity_of("Clip", 10)->max_inputs == 1);
  CHECK(arity_of("Clip", 11)->max_inputs == 3);
  CHECK(arity_of("Clip", td::detail::onnx_newest_opset)->max_inputs == 3);
  CHECK(arity_of("Conv", 17)->required == 2);
  CHECK(arity_of("Concat", 17)->max_inputs == -1);
  CHECK(arity_of("Loop", 17)->required == 0);
  CHECK(arity_of("Gelu", 19) == nullptr);
  CHECK(arity_of("Gelu", 20) != nullptr);
  CHECK(arity_of("", 17) == nullptr);
  CHECK(arity_of("Clop", 17) == nullptr);
  CHECK(arity_of("Aaa", 17) == nullptr);
  CHECK(arity_of("Zzz", 17) == nullptr);
}

TEST_CASE("the table of operators is in order, and its numbers fit each other") {
  auto const& all = td::detail::onnx_arities;
  CHECK(std::is_sorted(std::begin(all), std::end(all), [](auto const& a, auto const& b) {
    return a.name != b.name ? a.name < b.name : a.since < b.since;
  }));
  CHECK(std::all_of(std::begin(all), std::end(all), [](auto const& each) {
    return each.required <= each.min_inputs && (each.max_inputs < 0 || each.min_inputs <= each.max_inputs) &&
           (each.max_outputs < 0 || each.min_outputs <= each.max_outputs);
  }));
}
