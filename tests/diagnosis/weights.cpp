#include <torchdeploy/diagnosis/weights.hpp>

#include "support/models.hpp"

namespace {
std::vector<td::finding> found(torch::jit::Module const& module) {
  std::vector<td::detail::inspected> const methods{td::detail::inspect(module)};
  std::vector<td::finding> all;
  td::detail::find_duplicates(module, methods, all);
  td::detail::find_unused(module, methods, all);
  return all;
}
torch::jit::Module with(at::Tensor const& a, at::Tensor const& b) {
  torch::jit::Module module("Net");
  module.register_parameter("a", a, false);
  module.register_parameter("b", b, false);
  module.define("def forward(self, x):\n    return x + self.a + self.b\n");
  return module;
}
}  // namespace

TEST_CASE("equal values are found by their bytes, once for each copy") {
  auto const a = test::noise({32, 32})[0];
  REQUIRE(found(with(a, a.clone())).size() == 1);
  CHECK_THAT(found(with(a, a.clone()))[0].text, ContainsSubstring("4096 B"));
  CHECK(found(with(a, a)).empty());                                        // shared
  CHECK(found(with(a, a + 1)).empty());                                    // others
  CHECK(found(with(at::zeros({32, 32}), at::zeros({32, 32}))).empty());    // one number all over
  CHECK(found(with(a.slice(0, 0, 2).clone(), a.slice(0, 0, 2).clone())).empty());  // small
  CHECK_NOTHROW(found(with(a, a.t())));
  CHECK_NOTHROW(found(with(at::Tensor(), a.to_sparse())));
}

TEST_CASE("parameters that nothing reads are found, those in lists are read") {
  auto module = with(at::ones({3}), at::ones({3}));
  module.register_parameter("c", at::ones({3}), false);
  REQUIRE(found(module).size() == 1);
  CHECK(found(module)[0].place == "c");
  CHECK(found(torch::jit::load(test::model_path("lstm_scripted").string())).empty());
}
