#include <torchdeploy/stage/optimize.hpp>

#include <type_traits>
#include <utility>

#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"

namespace {

torch::jit::Module convolution_and(std::string const& rest) {
  torch::jit::Module module("Convolution");
  module.register_parameter("weight", test::noise({8, 3, 3, 3}, 1)[0], false);
  module.register_parameter("bias", test::noise({8}, 1)[0], false);
  module.define("def forward(self, x):\n  y = torch.relu(torch.conv2d(x, self.weight, self.bias))\n  return " + rest +
                "\n");
  return module;
}

}  // namespace

TEST_CASE("an optimized model answers as the plain one", "[zoo]") {
  for (auto const& each : test::reference("zoo").toGenericDict()) {
    auto const name = each.key().toStringRef();
    INFO(name);
    auto const inputs = test::list_at(each.value(), "inputs");
    auto const outputs = test::list_at(each.value(), "outputs");
    std::vector<td::example> examples;
    for (auto const& input : inputs) examples.push_back({input});
    auto const with_examples =
        td::load<td::TorchScript>(test::model_path(name), {.examples = examples}) | td::optimize();
    auto const without = test::load(name) | td::optimize();
    CHECK_FALSE(test::has_finding(with_examples.report(), "optimize-undone"));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      CHECK(test::close(test::forward(with_examples.handle(), {inputs[i]}), outputs[i], 1e-3, 1e-5));
      CHECK(test::close(test::forward(without.handle(), {inputs[i]}), outputs[i], 1e-3, 1e-5));
    }
  }
}

TEST_CASE("optimize adds frozen and optimized, and says how often it tried") {
  auto model = td::load<td::TorchScript>(test::model_path("digits_cnn"), {.examples = test::calibration_digits()}) |
               td::optimize();
  CHECK(td::same_facts<decltype(model)::known, td::facts<td::evaluating, td::frozen, td::optimized>>);
  CHECK(model.report().find("optimize")->detail("tried on") == "6 examples");
}

TEST_CASE("where the optimized module throws, the frozen one is kept") {
  // LibTorch 2.13: oneDNN's adaptive pooling wants sizes that divide
  auto const module = convolution_and("torch.adaptive_avg_pool2d(y, [2, 2])");
  auto const image = at::randn({1, 3, 15, 15});  // 13 x 13 after the convolution
  auto const wanted = test::forward(module, {image});
  auto const model = td::evaluate(module, {.examples = std::vector{image}}) | td::optimize();
  CHECK(test::close(test::forward(model.handle(), {image}), wanted));
  auto const raw = [&] {
    auto copy = module.clone();
    copy.register_attribute("training", c10::BoolType::get(), false);
    copy = torch::jit::freeze(copy);
    test::forward(torch::jit::optimize_for_inference(copy), {image});
  };
  bool raises = false;
  try {
    raw();
  } catch (std::exception const&) {
    raises = true;
  }
  CHECK(test::has_finding(model.report(), "optimize-undone") == raises);
}

TEST_CASE("trying the examples leaves no trace in a model with state") {
  auto const x = at::randn({1, 16});
  auto const model =
      td::load<td::TorchScript>(test::model_path("exported_methods"), {.examples = std::vector{x, x, x}}) |
      td::optimize();
  CHECK(test::close(test::forward(model.handle(), {x}), test::forward(test::load("exported_methods").handle(), {x})));
  CHECK(model.handle().find_method("reset_states"));
}

TEST_CASE("trying the examples leaves them as they were") {
  auto const x = at::zeros({2});
  td::evaluate(test::scripted("def forward(self, x): return x.add_(1)"), {.examples = std::vector{x}}) | td::optimize();
  CHECK(x.sum().item<float>() == 0);
}

TEST_CASE("optimizing leaves the artifact's clone as it was") {
  auto const original = test::load("digits_cnn");
  auto const images = test::digits(8);
  auto const before = test::forward(original.handle(), {images}).toTensor().clone();
  auto const count = original.handle().parameters().size();
  auto const optimized = original.clone() | td::optimize();
  CHECK(original.handle().parameters().size() == count);
  CHECK(test::same_bits(test::forward(original.handle(), {images}), before));
}

TEST_CASE("a frozen artifact can be optimized") {
  auto const images = test::digits(8);
  auto const model = test::load("digits_cnn") | td::freeze() | td::optimize();
  CHECK(test::close(test::forward(model.handle(), {images}), test::forward(test::load("digits_cnn").handle(), {images}),
                    1e-3, 1e-5));
}

TEST_CASE("a quantized artifact stays int8 when it is optimized") {
  auto quantized = test::load("digits_cnn") | td::quantize<td::Int8>(test::calibration_digits());
  auto const images = test::digits(16);
  auto const wanted = (quantized.clone() | td::deploy<td::LibTorch>())(images);
  auto const model = std::move(quantized) | td::optimize();
  CHECK(test::int8_layers(model.handle()) > 0);
  CHECK(test::same_bits(test::forward(model.handle(), {images}), wanted));
}

TEST_CASE("a name to preserve that the model has not is refused by optimize as by freeze") {
  CHECK(test::failure_of<td::format_error>([] {
          test::load("one_op") | td::optimize({.preserve = {"decode"}});
        }).code == td::errc::preserve_unknown);
}
