#include <torchdeploy/verification/alignment.hpp>

#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {

using td::detail::align;
using td::detail::answer_names;

c10::IValue tuple(std::vector<c10::IValue> elements) { return c10::ivalue::Tuple::create(std::move(elements)); }
c10::IValue dict(std::vector<std::pair<std::string, c10::IValue>> const& items) {
  c10::impl::GenericDict made(c10::StringType::get(), c10::AnyType::get());
  for (auto const& [key, value] : items) made.insert(key, value);
  return made;
}
at::Tensor number(double value) { return at::full({1}, value, at::kFloat); }

/// What is left of a difference once both have one structure.
std::string difference(c10::IValue got, c10::IValue expected, answer_names const& names) {
  if (auto text = align(got, expected, names); !text.empty()) return text;
  std::vector<td::detail::leaf> leaves;
  if (auto text = td::detail::walk(got, expected, leaves); !text.empty()) return text;
  for (auto const& each : leaves)
    if (each.got.isTensor() && !each.got.toTensor().equal(each.expected.toTensor())) return each.name + " differs";
  return {};
}

}  // namespace

TEST_CASE("two trees are left as they are") {
  auto const a = tuple({number(1), number(2)});
  CHECK(difference(a, a, {}).empty());
  CHECK_FALSE(difference(a, dict({{"x", number(1)}, {"y", number(2)}}), {}).empty());
}

TEST_CASE("a list has a tree's structure by the names of results, in any order") {
  auto const list = tuple({number(1), number(2), number(3)});
  auto const nested = tuple({number(1), tuple({number(2), number(3)})});
  CHECK(difference(list, nested, {{"output_0", "output_1_0", "output_1_1"}, {}}).empty());
  CHECK(difference(list, tuple({number(2), tuple({number(3), number(1)})}),
                   {{"output_1_1", "output_0", "output_1_0"}, {}})
            .empty());
  auto const named = dict({{"a", number(1)}, {"b", dict({{"c", number(2)}})}, {"d", number(3)}});
  CHECK(difference(list, named, {{"a", "b_c", "d"}, {}}).empty());
  CHECK(difference(named, list, {{}, {"a", "b_c", "d"}}).empty());
  CHECK(difference(list, dict({{"d", number(3)}, {"b", dict({{"c", number(2)}})}, {"a", number(1)}}),
                   {{"a", "b_c", "d"}, {}})
            .empty());
  CHECK(difference(number(1), number(1), {{"logits"}, {}}).empty());
  CHECK(difference(number(1), tuple({number(1)}), {{"logits"}, {}}).empty());
  CHECK(difference(list, tuple({number(2), number(1), number(3)}), {{"x", "y", "z"}, {"y", "x", "z"}}).empty());
}

TEST_CASE("names that a tree has not go by order, but none that it has elsewhere") {
  auto const list = tuple({number(1), number(2)});
  auto const named = dict({{"a", number(1)}, {"b", number(2)}});
  CHECK(difference(list, named, {{"x", "y"}, {}}).empty());
  CHECK(difference(list, named, {{"a", "y"}, {}}).empty());
  CHECK(difference(list, named, {{"b", "y"}, {}}) == "output: expected 2 tensors (a, b), got 2 tensors (b, y)");
  CHECK(difference(list, named, {{"x", "y"}, {"only"}}).empty());
  CHECK(difference(number(1), named, {{"a"}, {}}) == "output: expected 2 tensors (a, b), got 1 tensor (a)");
  CHECK(difference(named, number(1), {{}, {"a"}}) == "output: expected 1 tensor (a), got 2 tensors (a, b)");
}

TEST_CASE("numbers are tensors in a list, and what is not there is left out") {
  auto const list = tuple({number(1), at::tensor(4)});
  CHECK(difference(list, tuple({number(1), c10::IValue(), 4}), {{"output_0", "output_2"}, {}}).empty());
  CHECK(difference(list, tuple({number(1), 5}), {{"output_0", "output_1"}, {}}) == "output[1] differs");
  CHECK_FALSE(difference(list, tuple({number(1), std::string("4")}), {{"output_0", "output_1"}, {}}).empty());
}
