#include <torchdeploy/quantization/preparation.hpp>

#include <cmath>
#include <set>
#include <string>

#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"

namespace {

bool deadly(torch::jit::Module const& module) {
  bool found = false;
  for (auto const& each : module.modules())
    for (auto const& method : each.get_methods()) {
      std::set<void const*> seen;
      found = found || td::detail::is_deadly(*method.graph(), seen);
    }
  return found;
}

}  // namespace

TEST_CASE("of all fixtures, multi-head attention alone holds what ends the process", "[zoo]") {
  for (auto const& each : test::reference("zoo").toGenericDict()) {
    auto const name = each.key().toStringRef();
    INFO(name);
    CHECK(deadly(test::load(name).handle()) == (name == "mha_scripted"));
  }
}

TEST_CASE("after disarming nothing deadly is left, and the module answers as before") {
  auto const original = test::load("mha_scripted");
  auto const x = test::noise({2, 5, 16})[0];
  auto const wanted = test::forward(original.handle(), {x}).toTensor().clone();
  auto const copy = original.clone();
  auto const excluded = td::detail::disarm(copy.handle());
  REQUIRE_FALSE(excluded.empty());
  CHECK(excluded[0].path == "attention");
  CHECK_FALSE(deadly(copy.handle()));
  CHECK(test::same_bits(test::forward(copy.handle(), {x}), wanted));
  CHECK(deadly(original.handle()));  // a copy was disarmed, not this one
}

TEST_CASE("an exclusion covers its module and what is inside, not what is merely named alike") {
  td::detail::exclusion const rule{"layer1", "why"};
  CHECK(rule.covers("layer1"));
  CHECK(rule.covers("layer1.0.conv1"));
  CHECK_FALSE(rule.covers("layer10"));
  CHECK_FALSE(rule.covers("layer"));
  CHECK_FALSE(rule.covers("other.layer1"));
  CHECK((td::detail::exclusion{"", "why"}).covers("anything"));
}

TEST_CASE("a model that raises in a branch can be quantized") {
  auto const module = [] {
    torch::jit::Module m("Checked");
    m.register_parameter("weight", test::noise({4, 16})[0], false);
    m.define(
        "def forward(self, x):\n"
        "  assert x.size(0) <= 100, 'a batch is 100 at most'\n"
        "  return torch.linear(x, self.weight)\n");
    return m;
  }();
  auto const samples = test::noise({2, 16});
  auto const session = td::evaluate(module) | td::quantize<td::Int8>(samples) | td::deploy<td::LibTorch>();
  CHECK(test::sqnr_db(test::forward(module, {samples[0]}).toTensor(), session(samples[0])) > 20);
  auto const failure = test::failure_of<td::backend_error>([&] { session(at::zeros({101, 16})); });
  CHECK(failure.code == td::errc::call_raised);
  CHECK_THAT(failure.text, ContainsSubstring("a batch is 100 at most"));
}

TEST_CASE("a call that graph mode can't follow is refused with the method that makes it") {
  CHECK_NOTHROW(td::detail::refuse_what_graph_mode_cannot_follow(test::load("exported_methods").handle()));
  auto const failure = test::failure_of<td::quantization_error>(
      [] { td::detail::refuse_what_graph_mode_cannot_follow(test::load("silero_vad").handle()); });
  CHECK(failure.code == td::errc::not_quantizable);
  CHECK_THAT(failure.text, ContainsSubstring("forward"));
}

TEST_CASE("weights that are not float32, or none, or not finite are refused by name") {
  auto const refusal = [](at::Tensor const& weight) {
    torch::jit::Module linear("Linear"), model("Model");
    linear.register_parameter("weight", weight, false);
    linear.define("def forward(self, x): return torch.linear(x, self.weight)\n");
    model.register_module("head", linear);
    model.define("def forward(self, x): return self.head.forward(x)\n");
    auto const failure =
        test::failure_of<td::quantization_error>([&] { td::detail::refuse_weights_that_cannot_be_quantized(model); });
    CHECK_THAT(failure.text, ContainsSubstring("'head.weight'"));
    CHECK(test::failure_of<td::quantization_error>([&] { td::evaluate(model) | td::quantize<td::Int8>(); }).text ==
          failure.text);
    return failure;
  };
  auto const wide = refusal(at::ones({4, 16}, at::kDouble));
  CHECK(wide.code == td::errc::not_quantizable);
  CHECK_THAT(wide.text, ContainsSubstring("expected float32 weights, got float64"));
  CHECK(refusal(at::ones({4, 16}, at::kHalf)).code == td::errc::not_quantizable);

  auto const empty = refusal(at::ones({0, 16}));
  CHECK(empty.code == td::errc::not_quantizable);
  CHECK_THAT(empty.text, ContainsSubstring("got none"));

  for (auto const spoiler : {std::nanf(""), HUGE_VALF, -HUGE_VALF}) {
    auto weight = at::ones({4, 16});
    weight[3][15] = spoiler;
    auto const spoiled = refusal(weight);
    CHECK(spoiled.code == td::errc::not_finite);
    CHECK_THAT(spoiled.text, ContainsSubstring("NaN or infinity"));
  }
}

TEST_CASE("weights that can be quantized, or that no layer uses, are not refused", "[zoo]") {
  for (auto const& each : test::reference("zoo").toGenericDict()) {
    INFO(each.key().toStringRef());
    CHECK_NOTHROW(td::detail::refuse_weights_that_cannot_be_quantized(test::load(each.key().toStringRef()).handle()));
  }
  torch::jit::Module module("Unused");
  module.register_parameter("weight", test::noise({4, 16})[0], false);
  module.register_parameter("unused", at::full({4, 16}, std::nan("")), false);
  module.register_parameter("bias", at::zeros({4}, at::kDouble), false);
  module.define("def forward(self, x): return torch.linear(x, self.weight)\n");
  CHECK_NOTHROW(td::detail::refuse_weights_that_cannot_be_quantized(module));
}
