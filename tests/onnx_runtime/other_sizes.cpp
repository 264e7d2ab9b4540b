#include <torchdeploy/verification/other_sizes.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "support/exported.hpp"

namespace {

torch::jit::Module doubling() { return test::scripted("def forward(self, x):\n    return x * 2"); }

td::export_onnx_options open_length() {
  td::export_onnx_options options;
  options.dynamic_axes = {{"x", {{0, "batch"}, {1, "length"}}}};
  return options;
}
bool has_note(td::comparison const& result, std::string const& text) {
  return std::any_of(result.notes.begin(), result.notes.end(),
                     [&](auto const& each) { return each.find(text) != std::string::npos; });
}

auto const images = std::vector<at::Tensor>{test::noise({3, 40}).front(), test::noise({3, 40}).front() * 2};

}  // namespace

TEST_CASE("an export is compared at another of each size that it left open") {
  auto const exported = td::evaluate(doubling(), {.examples = images}) | td::export_onnx(open_length());
  REQUIRE(exported.handle().open_sizes.size() == 2);
  CHECK(exported.handle().open_sizes.at(1).name == "length");
  auto const result = td::compare(exported, doubling());
  CHECK(result.passed);
  CHECK(has_note(result, "compared at 'length' 41 as at 40"));
}

TEST_CASE("an export that goes wrong at another length fails") {
  // as a file would that has a limit baked in
  auto const limited = test::scripted("def forward(self, x):\n    return x * torch.ones([1, 1]) * 2");
  auto const exported = td::evaluate(limited, {.examples = images}) | td::export_onnx(open_length());
  auto const other =
      test::scripted("def forward(self, x):\n    if x.size(1) == 41:\n        return x * 3\n    return x * 2");
  auto const result = td::compare(exported, other);
  CHECK_FALSE(result.passed);
  CHECK(result.failure.find("'length' 41 as at 40") != std::string::npos);
  auto const longer =
      test::scripted("def forward(self, x):\n    if x.size(1) == 41:\n        return x[:, :40] * 2\n    return x * 2");
  CHECK_FALSE(td::compare(exported, longer).passed);
}

TEST_CASE("where the reference runs at no other length there is a note") {
  auto const exported = td::evaluate(doubling(), {.examples = images}) | td::export_onnx(open_length());
  auto const fixed = test::scripted("def forward(self, x):\n    return x * torch.ones([1, 40]) * 2");
  auto const result = td::compare(exported, fixed);
  CHECK(result.passed);
  CHECK(has_note(result, "compared at one 'length' only"));
}
