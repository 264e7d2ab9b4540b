#include <torchdeploy/verification/outputs.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "support/catch.hpp"

namespace td = torchdeploy;
using td::detail::identical;
using td::detail::kind_text;

namespace {
std::vector<std::string> names(c10::IValue const& output) {
  std::vector<td::detail::leaf> leaves;
  CHECK(td::detail::walk(output, output, leaves).empty());
  std::vector<std::string> all;
  for (auto const& each : leaves) all.push_back(each.name);
  return all;
}
}  // namespace

TEST_CASE("every leaf of an output has a name to find it by") {
  auto const x = at::ones({2});
  CHECK(names(x) == std::vector<std::string>{"output"});
  c10::Dict<std::string, std::tuple<at::Tensor, std::int64_t>> dict;
  dict.insert("logits", std::tuple<at::Tensor, std::int64_t>(x, 3));
  CHECK(names(std::tuple<at::Tensor, c10::IValue>(x, dict)) ==
        std::vector<std::string>{"output[0]", "output[1]['logits'][0]", "output[1]['logits'][1]"});
  c10::List<at::Tensor> list({x, x});
  CHECK(names(list) == std::vector<std::string>{"output[0]", "output[1]"});
  CHECK(names(c10::IValue()) == std::vector<std::string>{"output"});
}

TEST_CASE("a value's kind can be read") {
  CHECK(kind_text(at::ones({2, 10})) == "float32 [2, 10]");
  CHECK(kind_text(at::scalar_tensor(1, at::kLong)) == "int64 []");
  CHECK(kind_text(at::ones({1}, at::kBFloat16)) == "bfloat16 [1]");
  CHECK(kind_text(std::tuple(1, 2.0)) == "a tuple of 2");
  CHECK(kind_text(c10::IValue()) == "None");
  CHECK(kind_text("text") == "a string");
  CHECK(kind_text(c10::Dict<std::string, at::Tensor>()) == "an empty dict");
}

TEST_CASE("values are identical bit for bit, NaN included") {
  auto const x = at::tensor({1.0f, std::numeric_limits<float>::quiet_NaN()});
  CHECK(identical(x, x.clone()));
  CHECK_FALSE(identical(x, x + 1e-7));
  CHECK_FALSE(identical(x, x.to(at::kDouble)));
  CHECK(identical(td::example{x, 16000}, td::example{x.clone(), 16000}));
  CHECK_FALSE(identical(td::example{x, 16000}, td::example{x, 8000}));
  CHECK_FALSE(identical(td::example{x}, td::example{x, 16000}));
  CHECK_FALSE(identical("one", "two"));
}

TEST_CASE("objects are no outputs that could be compared") {
  torch::jit::Module module("__torch__.some");
  std::vector<td::detail::leaf> leaves;
  CHECK_THAT(td::detail::walk(module._ivalue(), module._ivalue(), leaves),
             ContainsSubstring("an object of type __torch__.some"));
}

TEST_CASE("a key too many is a difference, as a key too few is") {
  c10::Dict<std::string, at::Tensor> one, two;
  one.insert("a", at::ones({1}));
  two.insert("a", at::ones({1}));
  two.insert("b", at::ones({1}));
  std::vector<td::detail::leaf> leaves;
  CHECK(td::detail::walk(two, one, leaves) == "output: expected a dict of 'a', got a dict of 'a', 'b'");
  CHECK(td::detail::walk(one, two, leaves) == "output: expected a dict of 'a', 'b', got a dict of 'a'");
}
