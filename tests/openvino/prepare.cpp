#include <torchdeploy/openvino/prepare.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/models.hpp"

namespace {
using td::detail::prepare;

std::string refusal(torch::jit::Module const& module, std::vector<td::example> const& examples) {
  auto const failed = test::failure_of<td::backend_error>([&] { prepare(module, "forward", examples); });
  CHECK(failed.code == td::errc::conversion_failed);
  return failed.text;
}
auto rank_and_dtype(std::vector<td::example> const& examples) {
  auto const prepared = prepare(test::scripted("def forward(self, x):\n  return x * 2"), "forward", examples);
  auto const type = prepared.graph->inputs()[0]->type()->expect<c10::TensorType>();
  return std::pair(type->dim(), type->scalarType());
}
}  // namespace

TEST_CASE("an argument has the dtype and rank that all examples have") {
  auto const x = at::ones({2, 3});
  using known = std::pair<std::optional<std::size_t>, std::optional<at::ScalarType>>;
  CHECK((rank_and_dtype({{x}, {at::ones({5, 4})}}) == known(2, at::kFloat)));
  CHECK((rank_and_dtype({{x}, {at::ones({5})}}) == known(std::nullopt, at::kFloat)));
  CHECK((rank_and_dtype({}) == known()));
  CHECK_THAT(refusal(test::scripted("def forward(self, x):\n  return x"), {{x}, {x.to(at::kLong)}}),
             ContainsSubstring("one dtype for 'x', got float32 and int64"));
}

TEST_CASE("arguments that are no tensors take their defaults") {
  auto const module = test::scripted(
      "def forward(self, x, n: int = 3, s: str = 'a', l: List[int] = [1, 2], m: Optional[Tensor] = None):\n"
      "  if m is not None:\n    x = x + m\n  return x * n * l[1]");
  auto const x = at::ones({2, 3});
  CHECK(prepare(module, "forward", std::vector<td::example>{{x}}).inputs == std::vector<std::string>{"x"});
  CHECK(prepare(module, "forward", std::vector<td::example>{{x, 3, "a", std::vector<std::int64_t>{1, 2}, x}}).inputs ==
        std::vector<std::string>{"x", "m"});
}

TEST_CASE("the module stays as it was") {
  auto const artifact = test::load("mha_scripted");
  auto const text = [&] { return artifact.handle().get_method("forward").graph()->toString(); };
  auto const before = text();
  (void)prepare(artifact.handle(), "forward", std::vector<td::example>{{at::ones({2, 5, 16})}});
  CHECK(text() == before);
}

TEST_CASE("state is found behind branches, and where a frozen file keeps it") {
  auto module = test::scripted("def forward(self, x):\n  return x");
  module.register_buffer("first", at::zeros({3}));
  module.register_buffer("second", at::zeros({3}));
  module.define(
      "def choose(self, x):\n  b = self.first\n  if bool(x.sum() > 0):\n    b = self.second\n  b.add_(x)\n  return b\n"
      "def count(self, x):\n  self.first += 1\n  return x + self.first\n");
  for (std::string const method : {"choose", "count"}) {
    auto const failed = test::failure_of<td::backend_error>(
        [&] { prepare(module, method, std::vector<td::example>{{at::ones({3})}}); });
    CHECK_THAT(failed.text, ContainsSubstring("without state, got one that writes '"));
  }
}
