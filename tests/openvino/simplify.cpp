#include <torchdeploy/openvino/simplify.hpp>

#include <string>

#include "support/openvino.hpp"

namespace {
bool converts(std::string const& body, td::example const& inputs) {
  INFO(body);
  auto const module = test::scripted("def forward(self, x):\n" + body);
  auto model = test::compiled(module, {inputs});
  return test::agreement_db(module, model, inputs) >= 100;
}
}  // namespace

TEST_CASE("checks of shapes and questions about the process leave the graph") {
  td::example const inputs{test::noise({3, 4}, 1).front()};
  CHECK(converts("  assert x.size(1) > 1, 'small'\n  assert x.dim() == 2, 'rank'\n  return x * 2", inputs));
  CHECK(converts("  if x.dim() == 3:\n    return x[:, :, 0]\n  return x[:, 0]", inputs));
  CHECK(
      converts("  if x.is_cuda or x.requires_grad or not torch.is_floating_point(x):\n    return x * 2\n  return x * 3",
               inputs));
  CHECK(converts("  if torch.is_grad_enabled():\n    return x * 2\n  return x * 3", inputs));
  CHECK(converts("  return x + torch.arange(x.size(1), device=x.device, dtype=x.dtype)", inputs));
}

TEST_CASE("a check of data stays, and is refused") {
  auto const module =
      test::scripted("def forward(self, x):\n  assert bool(x.sum() > -1e9), 'negative'\n  return x * 2");
  auto const failed = test::failure_of<td::backend_error>([&] { test::compiled(module, {{at::ones({3, 4})}}); });
  CHECK(failed.code == td::errc::conversion_failed);
}
