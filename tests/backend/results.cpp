#include <torchdeploy/backend/results.hpp>

#include <string>
#include <tuple>
#include <vector>

#include "support/models.hpp"

namespace {

using strings = std::vector<std::string>;

strings leaf_names(c10::IValue const& value) {
  std::vector<td::named_tensor> all;
  td::detail::flatten(value, all);
  strings names;
  for (auto const& each : all) names.push_back(each.name);
  return names;
}
/// "output_0: Tensor" of what a function returns.
strings described(std::string const& type, std::string const& value) {
  auto const module = test::scripted("def forward(self, x) -> " + type + ":\n    return " + value);
  std::vector<td::tensor_info> all;
  td::detail::describe_results(*module.get_method("forward").function().getSchema().returns().at(0).type(), all);
  strings texts;
  for (auto const& each : all) texts.push_back(td::to_text(each));
  return texts;
}
td::errc flat_refusal(c10::IValue const& value) {
  return test::failure_of<td::backend_error>([&] { (void)leaf_names(value); }).code;
}

}  // namespace

TEST_CASE("results are named by their place: a tuple's and a list's by number, a dict's by key") {
  auto const x = at::ones({1});
  CHECK(leaf_names(x) == strings{"output"});
  CHECK(leaf_names(std::tuple(x, x)) == strings{"output_0", "output_1"});
  CHECK(leaf_names(std::vector{x, x}) == strings{"output_0", "output_1"});
  CHECK(leaf_names(std::tuple(x, std::tuple(x, std::vector{x}))) == strings{"output_0", "output_1_0", "output_1_1_0"});

  c10::Dict<std::string, at::Tensor> words;
  words.insert("logits", x);
  words.insert("box", x);
  CHECK(leaf_names(words) == strings{"logits", "box"});
  CHECK(leaf_names(std::tuple(words, x)) == strings{"output_0_logits", "output_0_box", "output_1"});
  c10::Dict<std::int64_t, at::Tensor> numbers;
  numbers.insert(7, x);
  CHECK(leaf_names(numbers) == strings{"output_7"});
  CHECK(leaf_names(std::vector<at::Tensor>{}).empty());
}

TEST_CASE("leaves are the tensors themselves, in order") {
  auto const a = at::zeros({2}), b = at::ones({3});
  std::vector<td::named_tensor> all;
  td::detail::flatten(std::tuple(a, b), all);
  CHECK(all.at(0).tensor.is_same(a));
  CHECK(all.at(1).tensor.is_same(b));
}

TEST_CASE("a result that holds what is no tensor has no names") {
  auto const x = at::ones({1});
  CHECK(flat_refusal(3) == td::errc::not_one_tensor);
  CHECK(flat_refusal(c10::IValue()) == td::errc::not_one_tensor);
  CHECK(flat_refusal(std::tuple(x, std::string("text"))) == td::errc::not_one_tensor);
  c10::Dict<double, at::Tensor> by_float;
  by_float.insert(0.5, x);
  CHECK(flat_refusal(by_float) == td::errc::not_one_tensor);
  auto const failure = test::failure_of<td::backend_error>([&] { (void)leaf_names(std::tuple(x, true)); });
  CHECK_THAT(failure.text, ContainsSubstring("got Bool as output_1"));
}

TEST_CASE("what a type tells before a call has the names that the call's results have") {
  CHECK(described("Tensor", "x") == strings{"output: Tensor"});
  CHECK(described("Tuple[Tensor, Tensor]", "(x, x)") == strings{"output_0: Tensor", "output_1: Tensor"});
  CHECK(described("Tuple[Tensor, Tuple[Tensor, int]]", "(x, (x, 3))") ==
        strings{"output_0: Tensor", "output_1_0: Tensor", "output_1_1: int"});
  CHECK(described("List[Tensor]", "[x, x]") == strings{"output: List[Tensor]"});
}
