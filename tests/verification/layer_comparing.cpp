#include <torchdeploy/verification/layer_comparing.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"

namespace {

using td::detail::layered_of;
using td::detail::layers_compared;
using test::failure_of;

std::vector<td::example> inputs(int count = 3) {
  std::vector<td::example> all;
  for (auto const& each : test::digits(4 * count).split(4)) all.push_back({each});
  return all;
}

layers_compared compare(auto const& model, auto const& reference, std::vector<td::example> const& samples,
                        td::verify_options options = {}, std::size_t calls = 0) {
  auto plan = td::detail::plan_criteria(std::move(options), nullptr);
  return td::detail::layer_comparing(layered_of(model), layered_of(reference), std::move(plan))(samples, calls);
}

std::vector<std::string> names_of(layers_compared const& compared) {
  std::vector<std::string> names;
  for (auto const& each : compared.layers) names.push_back(each.name);
  return names;
}
bool has_note(layers_compared const& compared, std::string const& part) {
  return std::any_of(compared.notes.begin(), compared.notes.end(),
                     [&](std::string const& note) { return note.find(part) != note.npos; });
}

/// The digits network with one weight changed.
td::artifact<td::TorchScript, td::facts<td::evaluating>> changed(std::string const& name) {
  auto model = test::load("digits_cnn");
  at::NoGradGuard const no_grad;
  for (auto const& each : model.handle().named_parameters())
    if (each.name == name) each.value.view(-1)[0].add_(0.5);
  return model;
}

}  // namespace

TEST_CASE("a model and its clone agree in every layer, in the order they run, what they return last") {
  auto const model = test::load("digits_cnn");
  auto const same = compare(model, model.clone(), inputs());
  CHECK(names_of(same) ==
        std::vector<std::string>{"features.0", "features.3", "classifier.1", "classifier.4", "output"});
  CHECK(same.matched_by == "name");
  CHECK(same.notes.empty());
  for (auto const& each : same.layers) {
    CAPTURE(each.name);
    CHECK_FALSE(each.diverges);
    CHECK(each.score.max_abs == 0);
    CHECK(each.score.sqnr_db == std::numeric_limits<double>::infinity());
    CHECK(each.calls == (each.kind == "output" ? 0 : 3));
    CHECK_FALSE(each.milliseconds.has_value());  // no calls were asked for
    CHECK((each.weights > 0) == (each.kind != "output"));
  }
}

TEST_CASE("what is before a changed layer agrees, it and what follows do not") {
  auto const compared = compare(changed("features.3.weight"), test::load("digits_cnn"), inputs());
  REQUIRE(compared.layers.size() == 5);
  CHECK_FALSE(compared.layers[0].diverges);
  CHECK(compared.layers[0].score.max_abs == 0);
  for (std::size_t i = 1; i < 5; ++i) {
    CAPTURE(compared.layers[i].name);
    CHECK(compared.layers[i].diverges);
    CHECK(compared.layers[i].score.max_abs > 1e-3);
  }
}

TEST_CASE("each criterion that means something for a tensor decides, and NaN never passes") {
  constexpr auto nan = std::numeric_limits<double>::quiet_NaN();
  auto const leaves = [](td::verify_options options, double sqnr, double max_abs, double cosine, std::uint64_t off) {
    td::output_score score;
    score.sqnr_db = sqnr;
    score.max_abs = max_abs;
    score.cosine = cosine;
    score.mismatched = off;
    return td::detail::leaves_tolerance(score, td::detail::plan_criteria(std::move(options), nullptr));
  };
  CHECK_FALSE(leaves({.sqnr_db = 20}, 20, 9, 0, 5));
  CHECK(leaves({.sqnr_db = 20}, 19.9, 0, 1, 0));
  CHECK(leaves({.sqnr_db = 20}, nan, 0, 1, 0));
  CHECK_FALSE(leaves({.max_abs = 0.5}, 0, 0.5, 0, 5));
  CHECK(leaves({.max_abs = 0.5}, 99, 0.6, 1, 0));
  CHECK(leaves({.max_abs = 0.5}, 99, nan, 1, 0));
  CHECK_FALSE(leaves({.cosine = 0.9}, 0, 9, 0.9, 5));
  CHECK(leaves({.cosine = 0.9}, 99, 0, 0.8, 0));
  CHECK(leaves({.cosine = 0.9}, 99, 0, nan, 0));
  CHECK_FALSE(leaves({.rtol = 0, .atol = 1}, 0, 9, 0, 0));
  CHECK(leaves({.rtol = 0, .atol = 1}, 99, 0, 1, 1));
}

TEST_CASE("milliseconds are measured for both sides when calls are asked for") {
  auto const model = test::load("digits_cnn");
  auto const compared = compare(model, model.clone(), inputs(1), {}, 3);
  for (auto const& each : compared.layers) {
    if (each.kind == "output") continue;
    CAPTURE(each.name);
    REQUIRE((each.milliseconds && each.reference_milliseconds));
    CHECK(*each.milliseconds > 0);
    CHECK(*each.reference_milliseconds > 0);
  }
}

TEST_CASE("a quantized model is compared by name in its reference form, with what its report says") {
  auto const original = test::load("digits_cnn");
  auto const quantized = original.clone() | td::quantize<td::Int8>(test::calibration_digits());
  auto const compared = compare(quantized, original, inputs(), {.sqnr_db = 10});
  CHECK(compared.matched_by == "name");
  CHECK(has_note(compared, "reference form"));
  REQUIRE(compared.layers.size() == 5);
  for (auto const& each : compared.layers) {
    CAPTURE(each.name);
    CHECK_FALSE(each.diverges);
    CHECK(each.score.max_abs > 0);
    if (each.kind != "output") CHECK(each.precision == "int8");
  }
}

TEST_CASE("calls of a loop are paired in turn; what only one model makes is told") {
  auto const looping = [](int turns) {
    torch::jit::Module module("__torch__.Looping");
    module.register_parameter("factor", at::eye(3) * 0.5, false);
    module.register_parameter("idle", at::eye(3), false);
    module.define("def forward(self, x):\n    for i in range(" + std::to_string(turns) +
                  "):\n        x = torch.linear(x, self.factor) + 1\n"
                  "    if bool(x.sum() > 1000):\n        x = torch.linear(x, self.idle)\n    return x\n");
    return module;
  };
  std::vector<td::example> const samples = {{at::ones({2, 3})}, {at::zeros({2, 3})}};
  auto const even = compare(looping(4), looping(4), samples);
  REQUIRE(names_of(even) == std::vector<std::string>{"factor", "output"});
  CHECK(even.layers[0].calls == 8);
  CHECK(has_note(even, "1 layer(s) were reached by no sample"));
  CHECK_FALSE(has_note(even, "more often"));

  auto const uneven = compare(looping(5), looping(4), samples);
  CHECK(uneven.layers[0].calls == 8);
  CHECK_FALSE(uneven.layers[0].diverges);
  CHECK(uneven.layers[1].diverges);  // what they return differs
  CHECK(has_note(uneven, "called more often in one model"));
}

TEST_CASE("a layer that gives another shape is named, and nothing is broadcast") {
  auto const linear = [](std::int64_t features, std::string const& more) {
    torch::jit::Module module("__torch__.Linear");
    module.register_parameter("weight", at::ones({features, 3}), false);
    module.define("def forward(self, x):\n    x = torch.linear(x, self.weight)\n    return " + more + "\n");
    return module;
  };
  auto const compared = compare(linear(1, "x.sum()"), linear(4, "x.sum() / 4"), {{at::ones({2, 3})}});
  REQUIRE(compared.layers.size() == 2);
  CHECK(compared.layers[0].diverges);
  CHECK_THAT(compared.layers[0].structure, ContainsSubstring("[2, 4]") && ContainsSubstring("[2, 1]"));
  CHECK_FALSE(compared.layers[1].diverges);

  auto const other = compare(linear(4, "(x, x)"), linear(4, "x"), {{at::ones({2, 3})}});
  CHECK(other.layers.back().name == "output");
  CHECK_FALSE(other.layers.back().structure.empty());
  CHECK(other.layers.back().diverges);
}

TEST_CASE("whoever raises is named, with the sample") {
  auto const digits = test::load("digits_cnn");
  auto samples = inputs(1);
  samples.push_back({at::ones({8})});
  auto const both = failure_of<td::verification_error>([&] { compare(digits, digits.clone(), samples); });
  CHECK(both.code == td::errc::reference_raised);
  CHECK_THAT(both.text, ContainsSubstring("the reference raised on sample 1"));

  auto const nets = failure_of<td::verification_error>([&] { compare(test::load("lstm_scripted"), digits, inputs()); });
  CHECK(nets.code == td::errc::no_common_layer);
  CHECK_THAT(nets.text, ContainsSubstring("lstm") && ContainsSubstring("conv2d"));

  CHECK(failure_of<td::load_error>([&] { compare(torch::jit::Module(), digits, inputs()); }).code ==
        td::errc::module_unusable);
  CHECK(failure_of<td::load_error>([&] { compare(digits, torch::jit::Module("Empty"), inputs()); }).code ==
        td::errc::module_unusable);
}

TEST_CASE("a module given by itself is compared in evaluation mode, and stays as it was") {
  auto module = torch::jit::load(test::model_path("digits_cnn").string());
  module.train();
  auto const compared = compare(module, test::load("digits_cnn"), inputs());
  for (auto const& each : compared.layers) CHECK(each.score.max_abs == 0);
  CHECK(module.is_training());
}
