#include <iostream>

#include "digits.hpp"

namespace td = torchdeploy;

int main() {
  // [begin]
  torch::jit::Module module("Square");
  module.define("def forward(self, x):\n    return x * x\n");
  auto model = td::evaluate(module, {.examples = std::vector{at::arange(4, at::kFloat), at::ones({4})}});

  // what it should do: the same, but for one element
  auto const reference = [](at::Tensor const& x) {
    auto y = x * x;
    y[3] *= 1.125;
    return y;
  };

  auto const result = td::compare(model, reference, {.sqnr_db = 30});  // asks
  std::cout << (result.passed ? "passed" : result.failure) << '\n';

  try {
    auto verified = model.clone() | td::verify(reference);  // insists
  } catch (td::verification_error const& failure) {
    std::cout << failure.what() << '\n' << failure.comparison().why << '\n';
  }

  auto const verified = std::move(model) | td::verify(reference, {.cosine = 0.99});
  std::cout << verified.report().find("verify")->detail("criterion") << '\n';
  // [end]
}
