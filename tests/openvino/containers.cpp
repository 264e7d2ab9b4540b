#include <torchdeploy/openvino/containers.hpp>

#include <string>
#include <vector>

#include "support/openvino.hpp"

namespace {
std::vector<std::string> outputs_of(std::string const& body) {
  INFO(body);
  auto const module = test::scripted("def forward(self, x):\n" + body);
  td::example const inputs{test::noise({3, 4}, 1).front()};
  auto model = test::compiled(module, {inputs});
  CHECK(test::agreement_db(module, model, inputs) >= 100);
  return test::names_of(model.outputs());
}
using names = std::vector<std::string>;
}  // namespace

TEST_CASE("tuples, lists and dicts become outputs with names") {
  CHECK(outputs_of("  return x, x + 1") == names{"output_0", "output_1"});
  CHECK(outputs_of("  return [x + 1, x * 2]") == names{"output_0", "output_1"});
  CHECK(outputs_of("  return {'a': x * 2, 'b': x + 1}") == names{"a", "b"});
  CHECK(outputs_of("  y = x + 1\n  return y, y") == names{"output_0", "output_1"});
  CHECK(outputs_of("  return (x * 2, (x, {'k': x + 3}))") == names{"output_0", "output_1_0", "output_1_1_k"});
  CHECK(outputs_of("  return x * 2, None") == names{"output_0"});
}

TEST_CASE("lists and dicts that are filled step by step") {
  CHECK(outputs_of("  d = {'a': x * 2}\n  d['b'] = x + 1\n  d['a'] = x + 3\n  return d") == names{"a", "b"});
  CHECK(outputs_of("  d = {'a': x * 2}\n  d['b'] = d['a'] + 1\n  return d['b']") == names{"output"});
  CHECK(outputs_of("  l = [x]\n  l.append(x + 1)\n  return torch.cat(l, 1)") == names{"output"});
  CHECK(outputs_of("  l = [x]\n  for i in range(3):\n    l.append(x * i)\n  return torch.stack(l)") == names{"output"});
  CHECK(outputs_of("  l = []\n  for i in range(x.size(1)):\n    l.append(x[:, i])\n  return torch.stack(l, 1)") ==
        names{"output"});
  auto const module =
      test::scripted("def forward(self, x):\n  l = [x]\n  if bool(x.sum() > 0):\n    l.append(x)\n  return l");
  auto const failed = test::failure_of<td::backend_error>([&] { test::compiled(module, {{at::ones({3, 4})}}); });
  CHECK(failed.code == td::errc::conversion_failed);
  CHECK_THAT(failed.text, ContainsSubstring("filled step by step"));
}

TEST_CASE("constants that are lists of strings, tensors and tuples") {
  CHECK(outputs_of("  for m in ['a', 'b']:\n    if m == 'a':\n      x = x + 1\n  return x") == names{"output"});
  CHECK(outputs_of("  for a, b in [(1, 2), (3, 4)]:\n    x = x * a + b\n  return x") == names{"output"});
}
