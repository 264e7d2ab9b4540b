#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/stage/optimize.hpp>
#include <torchdeploy/stage/prune.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/save.hpp>
#include <torchdeploy/verification/divergence.hpp>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {

using test::load;

void add_to(torch::jit::Module const& module, std::string const& parameter, double what) {
  at::NoGradGuard const no_grad;
  for (auto const& each : module.named_parameters())
    if (each.name == parameter) {
      each.value.view(-1)[0] += what;
      return;
    }
  FAIL("no parameter " << parameter);
}

auto linear_layers(at::Tensor const& first, at::Tensor const& second) {
  torch::jit::Module module("__torch__.two_layers");
  module.register_parameter("a_weight", first, false);
  module.register_parameter("b_weight", second, false);
  module.define(
      "def forward(self, x):\n    return torch.linear(torch.linear(x, self.a_weight).relu(), self.b_weight)\n");
  return module;
}

std::vector<std::string> names_of(td::divergence const& found) {
  std::vector<std::string> names;
  for (auto const& each : found.layers) names.push_back(each.name);
  return names;
}

}  // namespace

TEST_CASE("a model does not part from itself, whatever its form") {
  auto const inputs = test::noise({2, 3, 48, 48}, 2);
  auto const onet = load("onet");
  for (auto const* how : {"itself", "frozen", "traced"}) {
    CAPTURE(how);
    auto const other = std::string(how) == "itself"   ? onet.clone()
                       : std::string(how) == "frozen" ? td::evaluate((onet.clone() | td::freeze()).handle())
                                                      : load("onet_traced");
    auto const found = td::first_divergence(other, onet, {.samples = inputs});
    CHECK_FALSE(found.diverged);
    CHECK(found.layer.empty());
    CHECK(found.worst.empty());
    CHECK(found.layers.size() == 11);
    CHECK(found.matched_by == "name");
    CHECK(found.samples == 2);
    for (auto const& each : found.layers) CHECK(each.score.sqnr_db > 100);
  }
}

TEST_CASE("the first layer that was damaged is found, with the element and both values") {
  auto const inputs = test::noise({2, 16}, 3);
  auto const reference = load("mlp_scripted");
  auto model = load("mlp_scripted");
  add_to(model.handle(), "2.bias", 0.5);
  auto const found = td::first_divergence(model, reference, {.samples = inputs});
  CHECK(found.diverged);
  CHECK(found.layer == "2");
  CHECK(names_of(found) == std::vector<std::string>{"0", "2", "4", "output"});
  CHECK(found.worst.output == "2");
  CHECK(found.worst.index.at(1) == 0);
  CHECK(found.worst.got.toDouble() - found.worst.expected.toDouble() == Approx(0.5).margin(1e-5));
  CHECK_FALSE(found.layers[0].diverges);
  CHECK(std::isinf(found.layers[0].score.sqnr_db));
  CHECK(found.layers[1].diverges);
  CHECK(found.layers[1].score.mismatched == 6);
  for (auto const& each : found.layers) {
    if (each.kind == "output") continue;
    CHECK(each.calls == 3);
    CHECK(each.milliseconds > 0);
    CHECK(each.reference_milliseconds > 0);
  }
  // the same in a module, and the other way round
  CHECK(td::first_divergence(model.handle(), reference.handle(), {.samples = inputs}).layer == "2");
  CHECK(td::first_divergence(reference, model, {.samples = inputs}).layer == "2");
}

TEST_CASE("the scores of layers are those of their outputs") {
  auto const first = at::eye(2), second = at::eye(2);
  auto const inputs = std::vector{at::full({1, 2}, 2.0F), at::full({1, 2}, 4.0F)};
  auto const found =
      td::first_divergence(linear_layers(first * 1.5, second), linear_layers(first, second), {.samples = inputs});
  REQUIRE(found.layers.size() == 3);
  CHECK(found.layer == "a_weight");
  CHECK(found.layers[0].score.sqnr_db == Approx(20 * std::log10(2)));
  CHECK(found.layers[0].score.max_abs == 2);
  CHECK(found.worst.sample == 1);
  CHECK(found.worst.got.toDouble() == 6);
  CHECK(found.worst.expected.toDouble() == 4);
}

TEST_CASE("a difference between layers is found at the next, or in what is returned") {
  auto const inputs = test::noise({2, 4}, 2);
  auto const net = [](std::string const& between, std::string const& behind) {
    torch::jit::Module module("__torch__.net");
    module.register_parameter("a_weight", at::eye(4), false);
    module.register_parameter("b_weight", at::eye(4), false);
    module.define("def forward(self, x):\n    x = torch.linear(x, self.a_weight)\n    x = " + between +
                  "\n    x = torch.linear(x, self.b_weight)\n    return " + behind + "\n");
    return module;
  };
  CHECK(td::first_divergence(net("x.relu()", "x"), net("x.abs()", "x"), {.samples = inputs}).layer == "b_weight");
  CHECK(td::first_divergence(net("x", "x.relu()"), net("x", "x.abs()"), {.samples = inputs}).layer == "output");
  auto const shape = td::first_divergence(net("x", "x[:1]"), net("x", "x"), {.samples = inputs});
  CHECK(shape.layer == "output");
  CHECK(shape.layers.back().structure == "output: expected float32 [2, 4], got float32 [1, 4]");
}

TEST_CASE("int8 is looked at in reference form, with the default of its report, and timed as it runs") {
  auto const inputs = test::noise({2, 16}, 4);
  auto const reference = load("mlp_scripted");
  auto const model = load("mlp_scripted") | td::quantize<td::Int8>(inputs);
  auto const found = td::first_divergence(model, reference);  // the examples of the calibration
  CHECK(found.wanted == "sqnr >= 20 dB");
  CHECK(found.why == "default, as 3 layers are int8");
  CHECK(td::first_divergence(reference, model).wanted == "sqnr >= 20 dB");
  CHECK(found.samples == 4);
  CHECK_FALSE(found.diverged);
  REQUIRE(found.layers.size() == 4);
  CHECK(found.layers[0].precision == "int8");
  CHECK(found.layers[0].weights == 16 * 64);
  CHECK(found.layers[0].bytes == 16 * 64 + 64 * 12);
  CHECK(found.layers[0].milliseconds);
  CHECK_THAT(found.notes.at(0), ContainsSubstring("(in reference form)"));
  CHECK_THAT(found.notes.at(0), ContainsSubstring("ms of the fused int8 kernels"));
  CHECK(td::first_divergence(model, reference, {.sqnr_db = 60}).layer == "0");
}

TEST_CASE("an int8 file is compared by its values, layer by layer in their order") {
  auto const inputs = test::noise({2, 16}, 4);
  auto const reference = load("mlp_scripted");
  test::temporary_folder const folder;
  (void)(load("mlp_scripted") | td::quantize<td::Int8>(inputs) | td::save(folder / "int8.pt"));
  auto const found =
      td::first_divergence(td::load<td::TorchScript>(folder / "int8.pt"), reference, {.samples = inputs});
  CHECK(found.matched_by == "order");
  CHECK(names_of(found) == std::vector<std::string>{"0", "2", "4", "output"});
  CHECK(found.layers[0].kind == "linear_relu");
  CHECK_FALSE(found.diverged);
  for (auto const& each : found.layers) {
    CHECK(each.score.sqnr_db > 20);
    CHECK(each.score.sqnr_db < 60);
  }
}

TEST_CASE("a batch norm is part of the layer that it may be folded into") {
  auto const inputs = test::noise({2, 3, 64, 64}, 2);
  for (auto const* name : {"resnet18", "resnet18_traced"}) {
    CAPTURE(name);
    auto const float_model = load(name);
    auto const found = td::first_divergence(load(name) | td::quantize<td::Int8>(inputs), float_model);
    CHECK(found.layers.size() == 22);
    CHECK(found.layers[0].name == "conv1");
    for (auto const& each : found.layers) {
      CAPTURE(each.name);
      CHECK(each.score.sqnr_db > 15);
    }
    auto const frozen = load(name) | td::freeze();
    CHECK_FALSE(td::first_divergence(frozen, float_model, {.samples = inputs, .sqnr_db = 80}).diverged);
  }
}

TEST_CASE("pruning is found where it hurts") {
  auto const inputs = test::noise({2, 16}, 3);
  auto const reference = load("mlp_scripted");
  auto const found = td::first_divergence(load("mlp_scripted") | td::prune<td::L1>(0.3), reference,
                                          {.samples = inputs, .sqnr_db = 80});
  CHECK(found.layer == "0");
  CHECK_FALSE(std::isinf(found.layers[0].score.sqnr_db));
}

TEST_CASE("without layers in common, or without samples, there is nothing to compare by") {
  auto const none = test::failure_of<td::verification_error>([] {
    (void)td::first_divergence(load("lstm_scripted"), load("mlp_scripted"), {.samples = test::noise({2, 16}, 1)});
  });
  CHECK(none.code == td::errc::no_common_layer);
  CHECK_THAT(none.text, ContainsSubstring("got 2 (recurrent: lstm, ...) against 3 (0: linear, ...)"));
  auto const empty = test::failure_of<td::verification_error>(
      [] { (void)td::first_divergence(load("mlp_scripted"), load("mlp_scripted")); });
  CHECK(empty.code == td::errc::no_examples);
  auto const half = test::failure_of<td::verification_error>([] {
    (void)td::first_divergence(load("mlp_scripted"), load("mlp_scripted"),
                               {.samples = test::noise({2, 16}, 1), .rtol = 1e-3});
  });
  CHECK(half.code == td::errc::options_conflict);
  auto const wrong = test::failure_of<td::verification_error>([] {
    (void)td::first_divergence(load("mlp_scripted"), load("mlp_scripted"), {.samples = test::noise({2, 7}, 1)});
  });
  CHECK(wrong.code == td::errc::reference_raised);
}

TEST_CASE("a shared weight and a loop are one layer with several calls") {
  auto const inputs = test::noise({2, 16}, 3);
  auto const reference = load("shared_weights");
  auto const found = td::first_divergence(reference, reference, {.samples = inputs});
  CHECK(std::any_of(found.layers.begin(), found.layers.end(), [](auto const& each) { return each.calls == 6; }));
}

TEST_CASE("a divergence reads as a verdict and a table") {
  auto const found =
      td::first_divergence(linear_layers(at::eye(2) * 1.5, at::eye(2)), linear_layers(at::eye(2), at::eye(2)),
                           {.samples = std::vector{at::full({1, 2}, 2.0F)}, .sqnr_db = 20, .latency_calls = 0});
  std::ostringstream out;
  out << found;
  CHECK(out.str() ==
        "first divergence at a_weight (linear): expected sqnr >= 20 dB, got 6.021 dB; worst at a_weight[0, 0] of "
        "sample 0: "
        "got 3, expected 2\n"
        "  criterion: asked for; layers matched by name, on 1 sample(s)\n"
        "      layer     kind    precision  sqnr dB  max_abs  ms  reference\n"
        "  ->  a_weight  linear  float32       6.02        1\n"
        "   *  b_weight  linear  float32       6.02        1\n"
        "   *  output    output                6.02        1");
}

TEST_CASE("every model of the zoo is compared with its reduced forms, or refused by name") {
  for (auto const& each : test::reference("zoo").toGenericDict()) {
    auto const name = each.key().toStringRef();
    CAPTURE(name);
    auto const model = load(name);
    std::vector<td::example> inputs;
    for (auto const& input : test::list_at(each.value(), "inputs")) inputs.push_back({input});
    inputs.resize(std::min<std::size_t>(inputs.size(), 2));
    auto const compared = [&](auto make) {
      try {
        auto const found = td::first_divergence(make(), model, {.samples = inputs, .latency_calls = 1});
        CHECK_FALSE(found.layers.empty());
        for (auto const& layer : found.layers) CHECK(layer.structure.empty());
      } catch (td::error const& thrown) {
        CHECK_THAT(thrown.what(), StartsWith("[torchdeploy."));
        CHECK(std::string(thrown.what()).size() <= 200);
      }
    };
    compared([&] { return model.clone(); });
    compared([&] { return model.clone() | td::freeze(); });
    compared([&] { return model.clone() | td::optimize(); });
    compared([&] { return model.clone() | td::prune<td::L1>(0.3); });
    compared([&] { return model.clone() | td::quantize<td::Int8>(); });
    compared([&] { return model.clone() | td::quantize<td::Int8>(inputs); });
    compared([&] { return model.clone() | td::quantize<td::Int8>(inputs) | td::freeze(); });
  }
}
