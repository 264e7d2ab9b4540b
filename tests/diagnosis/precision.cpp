#include <torchdeploy/diagnosis/precision.hpp>

#include <map>

#include "support/probed.hpp"

namespace {
using tensors = std::map<std::string, at::Tensor>;

std::vector<td::finding> found(tensors const& carried, std::string const& body = "    return x") {
  torch::jit::Module module("Net");
  for (auto const& [name, tensor] : carried) module.register_buffer(name, tensor);
  module.define("def forward(self, x):\n" + body + "\n");
  std::vector<td::finding> all;
  td::detail::find_float64(module, {td::detail::inspect(module)}, all);
  return all;
}
at::Tensor of(at::ScalarType dtype) { return at::ones({2, 2}, dtype); }
}  // namespace

TEST_CASE("float64 among narrower floats is a warning, alone it is a note") {
  for (auto const narrow : {at::kFloat, at::kHalf, at::kBFloat16}) {
    auto const all = found({{"a", of(narrow)}, {"b", of(at::kDouble)}, {"c", of(at::kComplexDouble)}});
    CHECK(test::summary(all) == "float64-leftover warning");
    CHECK(all.at(0).place == "b");
    CHECK_THAT(all.at(0).text, StartsWith("2 tensor(s)"));
  }
  CHECK(test::summary(found({{"a", of(at::kDouble)}})) == "float64-leftover note");
  CHECK(test::summary(found({{"a", of(at::kDouble)}, {"b", of(at::kLong)}})) == "float64-leftover note");
}

TEST_CASE("a constant of the graph counts like a weight") {
  auto const all = found({{"a", of(at::kFloat)}}, "    return x + torch.ones([2, 2], dtype=7)");  // float64
  CHECK(test::summary(all) == "float64-leftover warning");
  CHECK_THAT(all.at(0).place, StartsWith("a constant of "));
}

TEST_CASE("numbers, integers and models without tensors have no float64 left over") {
  CHECK(found({}).empty());
  CHECK(found({{"a", of(at::kFloat)}, {"number", at::ones({}, at::kDouble)}}).empty());
  CHECK(found({{"a", of(at::kFloat)}, {"table", of(at::kLong)}, {"mask", of(at::kBool)}}).empty());
  CHECK(found({{"a", of(at::kFloat)}, {"none", at::Tensor()}}).empty());
  CHECK(found({{"a", of(at::kFloat)}}, "    return x * 0.1").empty());
}
