#include <torchdeploy/quantization/overrides.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/save.hpp>

#include "support/models.hpp"

namespace {

using settings = std::vector<td::layer_override>;

std::map<std::string, td::layer_report> layers_of(td::report const& report) {
  std::map<std::string, td::layer_report> all;
  for (auto const& each : report.find("quantize")->layers) all[each.name] = each;
  return all;
}

/// Scale and zero point that a value of a reference form is quantized with.
std::vector<at::Tensor> parameters_of(torch::jit::Module const& reference, torch::jit::Value* dequantized) {
  std::vector<at::Tensor> all;
  auto* const quantize = dequantized->node()->input(0)->node();
  for (std::size_t i = 1; i < 3; ++i) {
    bool const own = td::detail::operator_name(quantize).starts_with("quantize_per_");
    auto const path = own ? td::detail::path_of(quantize->input(i)) : std::nullopt;
    if (!path) {  // the scale of a value before: of what was pooled or flattened
      all.push_back(at::empty({0}));
      continue;
    }
    auto const value = td::detail::attribute_at(reference, *path);
    all.push_back(value.isTensor() ? value.toTensor() : at::full({1}, value.toScalar(), at::kDouble));
  }
  return all;
}

/// For each int8 layer what its input and its weight are quantized with.
std::map<std::string, std::vector<at::Tensor>> quantized_with(torch::jit::Module const& reference) {
  std::map<std::string, std::vector<at::Tensor>> all;
  auto const graph = td::detail::settled_graph(reference);
  for (auto const& each : td::detail::layers_of(*graph, true)) {
    if (!td::detail::is_int8_layer(each)) continue;
    for (std::size_t i = 0; i < 2; ++i)
      for (auto& value : parameters_of(reference, each.node->input(i))) all[each.name].push_back(std::move(value));
  }
  return all;
}

struct outcome {
  std::map<std::string, td::layer_report> layers;
  std::map<std::string, std::vector<at::Tensor>> parameters;
  at::Tensor output;
  std::size_t int8_in_graph{};
};

template <class Engine = td::X86>
outcome quantized(td::TorchScript::handle const& module, std::vector<at::Tensor> const& samples, settings layers = {}) {
  auto const model =
      td::evaluate(module) | td::quantize<td::Int8, td::MinMax, Engine>(samples, {.overrides = std::move(layers)});
  auto lowered = td::TorchScript::leaving(model.handle(), model.record());
  return {layers_of(model.report()), quantized_with(model.handle()), test::forward(lowered, {samples[0]}).toTensor(),
          test::int8_layers(lowered)};
}

/// All layers but these are as they were.
void check_others(outcome const& got, outcome const& before, std::vector<std::string> const& changed) {
  for (auto const& [name, wanted] : before.parameters) {
    if (std::find(changed.begin(), changed.end(), name) != changed.end()) continue;
    INFO(name);
    REQUIRE(got.parameters.contains(name));
    auto const& have = got.parameters.at(name);
    REQUIRE(have.size() == wanted.size());
    for (std::size_t i = 0; i < have.size(); ++i)
      if (have[i].numel() > 0 && wanted[i].numel() > 0) CHECK(at::equal(have[i], wanted[i]));
  }
}

void check_in_float(td::TorchScript::handle const& module, std::vector<at::Tensor> const& samples,
                    std::vector<std::string> const& names) {
  auto const before = quantized(module, samples);
  settings wanted;
  for (auto const& each : names) wanted.push_back({each, td::float32});
  auto const got = quantized(module, samples, wanted);
  for (auto const& name : names) {
    INFO(name);
    REQUIRE(got.layers.contains(name));
    CHECK(got.layers.at(name).precision == "float32");
    CHECK(got.layers.at(name).reason == "kept in float32 by the override '" + name + "'");
    CHECK_FALSE(got.parameters.contains(name));
  }
  check_others(got, before, names);
  CHECK(got.parameters.size() + names.size() == before.parameters.size());
  auto const plain = test::forward(module, {samples[0]}).toTensor();
  CHECK(test::sqnr_db(plain, got.output) > 15);
}

/// Two convolutions and a linear layer, whose weights are the model's own.
torch::jit::Module functional() {
  torch::jit::Module module("Functional");
  module.register_parameter("first", test::noise({3, 3, 3, 3})[0], false);
  module.register_parameter("second", test::noise({3, 3, 3, 3})[1], false);
  module.register_parameter("head", test::noise({4, 48})[0], false);
  module.define(
      "def forward(self, x):\n"
      "  x = torch.relu(torch.conv2d(x, self.first))\n"
      "  x = torch.relu(torch.conv2d(x, self.second))\n"
      "  return torch.linear(torch.flatten(x, 1), self.head)\n");
  return module;
}

/// Two instances of one class, each with a weight of its own and a child.
torch::jit::Module twins() {
  torch::jit::Module child("Child");
  child.register_parameter("weight", test::noise({8, 8})[2], false);
  child.define("def forward(self, x): return torch.linear(x, self.weight)\n");
  torch::jit::Module block("Block");
  block.register_parameter("weight", test::noise({8, 8})[0], false);
  block.register_module("child", child);
  block.define("def forward(self, x): return self.child.forward(torch.relu(torch.linear(x, self.weight)))\n");
  torch::jit::Module model("Twins");
  model.register_module("a", block);
  model.register_module("b", block.deepcopy());
  model.define("def forward(self, x): return self.b.forward(self.a.forward(x))\n");
  return model;
}

}  // namespace

TEST_CASE("a layer is kept in float32 by its name, and all others stay as they were") {
  auto const images = test::noise({1, 3, 64, 64}, 2);
  auto const resnet = test::load("resnet18").handle();
  check_in_float(resnet, images, {"fc"});
  check_in_float(resnet, images, {"conv1", "layer2.0.downsample.0"});
  check_in_float(test::load("resnet18_traced").handle(), images, {"layer1.0.conv2"});
  check_in_float(test::load("digits_cnn").handle(), test::calibration_digits(), {"features.0"});
  check_in_float(test::load("mlp_scripted").handle(), test::noise({2, 16}), {"2"});
}

TEST_CASE("a pattern stands for all layers that it matches, and the last that matches decides") {
  auto const images = test::noise({1, 3, 64, 64}, 2);
  auto const got = quantized(test::load("resnet18").handle(), images,
                             {{"layer*", td::float32}, {"layer4.*", td::int8_per_channel}, {"*.1.conv2", td::float32}});
  for (auto const& [name, layer] : got.layers) {
    INFO(name);
    bool const in_float = (name.starts_with("layer") && !name.starts_with("layer4")) || name.ends_with(".1.conv2");
    CHECK((layer.precision == "float32") == in_float);
  }
  CHECK_THAT(got.layers.at("layer4.1.conv2").reason, ContainsSubstring("'*.1.conv2'"));
  CHECK_THAT(got.layers.at("layer1.0.conv1").reason, ContainsSubstring("'layer*'"));
}

TEST_CASE("all layers in float32 give the float model") {
  auto const samples = test::noise({2, 16});
  auto const model = test::load("mlp_scripted").handle();
  auto const got = quantized(model, samples, {{"*", td::float32}});
  CHECK(got.int8_in_graph == 0);
  CHECK(test::close(got.output, test::forward(model, {samples[0]})));
}

TEST_CASE("layers of a functional model, which are all in one module, are kept in float32 one by one") {
  auto const samples = test::noise({1, 3, 8, 8});
  for (std::string const name : {"first", "second", "head"}) check_in_float(functional(), samples, {name});
  check_in_float(functional(), samples, {"first", "head"});
  auto const images = test::tensors_at(test::reference("static_minmax_functional_cnn"), "calibration");
  auto const cnn = test::load("functional_cnn").handle();
  for (auto const& [name, with] : quantized(cnn, images).parameters) check_in_float(cnn, images, {name});
}

TEST_CASE("a layer that is called twice is in float32 at both calls") {
  auto const samples = test::tensors_at(test::reference("zoo").toGenericDict().at("shared_weights"), "inputs");
  auto const module = test::load("shared_weights").handle();
  auto const before = quantized(module, samples);
  CHECK(before.int8_in_graph == before.parameters.size() + 1);
  for (auto const& [name, with] : before.parameters) {
    INFO(name);
    auto const got = quantized(module, samples, {{name, td::float32}});
    CHECK_FALSE(got.parameters.contains(name));
    bool const twice = with.size() == 8;
    CHECK(got.int8_in_graph == before.int8_in_graph - (twice ? 2 : 1));
  }
}

TEST_CASE("an override holds without samples too") {
  auto const x = test::noise({2, 16})[0];
  auto const model = test::load("mlp_scripted") | td::quantize<td::Int8>({.overrides = {{"0", td::float32}}});
  auto const layers = layers_of(model.report());
  CHECK(layers.at("0").precision == "float32");
  CHECK(layers.at("0").reason == "kept in float32 by the override '0'");
  CHECK(layers.at("2").precision == "int8");
  CHECK(test::int8_layers(td::TorchScript::leaving(model.handle(), model.record())) == layers.size() - 1);
  auto const hidden = td::evaluate(functional()) | td::quantize<td::Int8>({.overrides = {{"head", td::float32}}});
  CHECK(test::int8_layers(td::TorchScript::leaving(hidden.handle(), hidden.record())) == 0);
}

TEST_CASE("weights get one scale instead of one for each channel") {
  auto const images = test::noise({1, 3, 64, 64}, 2);
  auto const module = test::load("resnet18").handle();
  auto const before = quantized(module, images);
  auto const got = quantized(module, images, {{"layer1.*", td::int8_per_tensor}, {"fc", td::int8_per_tensor}});
  std::vector<std::string> changed;
  for (auto const& [name, with] : got.parameters) {
    INFO(name);
    bool const whole = name.starts_with("layer1.") || name == "fc";
    CHECK((with[2].numel() == 1) == whole);
    CHECK(got.layers.at(name).precision == "int8");
    if (whole) changed.push_back(name);
  }
  CHECK(got.parameters.size() == before.parameters.size());
  check_others(got, before, changed);
  auto const all = quantized(functional(), test::noise({1, 3, 8, 8}), {{"*", td::int8_per_tensor}});
  REQUIRE(all.parameters.size() == 3);
  for (auto const& [name, with] : all.parameters) CHECK(with[2].numel() == 1);
}

TEST_CASE("a transposed convolution keeps its one scale, and can be kept in float32") {
  auto const samples = test::noise({2, 3, 8, 8});
  auto const module = test::load("conv_transpose").handle();
  auto const got = quantized<td::Fbgemm>(module, samples, {{"*", td::int8_per_channel}});
  CHECK(got.parameters.at("2")[2].numel() == 1);
  CHECK(got.parameters.at("0")[2].numel() > 1);
  auto const in_float = quantized<td::Fbgemm>(module, samples, {{"2", td::float32}});
  CHECK(in_float.layers.at("2").reason == "kept in float32 by the override '2'");
  CHECK(in_float.parameters.contains("0"));
  auto const on_x86 = quantized(module, samples, {{"2", td::int8_per_tensor}});
  CHECK_THAT(on_x86.layers.at("2").reason, ContainsSubstring("transposed"));
}

TEST_CASE("a transposed convolution in a trace is treated as a scripted one") {
  torch::jit::Module module("Traced");
  module.register_parameter("up", test::noise({3, 4, 3, 3})[0], false);
  module.define(
      "def forward(self, x):\n"
      "  return torch._convolution(x, self.up, None, [2, 2], [0, 0], [1, 1], True, [0, 0], 1, False, False, True, "
      "True)\n");
  auto const samples = test::noise({2, 3, 8, 8});
  auto const plain = test::forward(module, {samples[0]}).toTensor();
  auto const x86 = quantized(module, samples);
  CHECK_THAT(x86.layers.at("up").reason, ContainsSubstring("transposed") && ContainsSubstring("Fbgemm"));
  CHECK(test::close(x86.output, plain));
  auto const fbgemm = quantized<td::Fbgemm>(module, samples, {{"up", td::int8_per_channel}});
  CHECK(fbgemm.layers.at("up").precision == "int8");
  CHECK(test::sqnr_db(plain, fbgemm.output) > 20);
}

TEST_CASE("a pattern that matches no layer is refused before any sample runs, with the nearest name") {
  int ran = 0;
  std::vector<int> const numbers{1, 2};
  auto const failure = test::failure_of<td::quantization_error>([&] {
    auto const count = [&](int) {
      ++ran;
      return at::zeros({1, 3, 64, 64});
    };
    test::load("resnet18") | td::quantize<td::Int8>(numbers | std::views::transform(count),
                                                    {.overrides = {{"layer1.0.conv3", td::float32}}});
  });
  CHECK(failure.code == td::errc::override_unmatched);
  CHECK_THAT(failure.text, ContainsSubstring("'layer1.0.conv3'") && ContainsSubstring("did you mean 'layer1.0.conv"));
  CHECK(ran == 0);
  CHECK(test::failure_of<td::quantization_error>([] {
          test::load("mlp_scripted") | td::quantize<td::Int8>({.overrides = {{"*", td::float32}, {"fc", td::float32}}});
        }).code == td::errc::override_unmatched);
}

TEST_CASE("what can't be kept apart is refused with both names") {
  auto const samples = test::noise({1, 8});
  auto const shared = test::failure_of<td::quantization_error>([&] {
    td::evaluate(twins()) | td::quantize<td::Int8>(samples, {.overrides = {{"a", td::float32}}});
  });
  CHECK(shared.code == td::errc::not_quantizable);
  CHECK_THAT(shared.text, ContainsSubstring("'a'") && ContainsSubstring("'b'") && ContainsSubstring("code"));
  check_in_float(twins(), samples, {"a", "b"});
  check_in_float(twins(), samples, {"a.child"});
  auto const mixed = test::failure_of<td::quantization_error>([] {
    td::evaluate(functional()) |
        td::quantize<td::Int8>(test::noise({1, 3, 8, 8}), {.overrides = {{"head", td::int8_per_tensor}}});
  });
  CHECK(mixed.code == td::errc::not_quantizable);
  CHECK_THAT(mixed.text, ContainsSubstring("'head'"));
}

TEST_CASE("a weight that can't be quantized does not matter where the layer stays in float32") {
  auto const module = test::load("mlp_scripted").handle();
  {
    at::NoGradGuard const no_grad;
    module.attr("2").toModule().attr("weight").toTensor()[0][0] = std::nanf("");
  }
  CHECK_NOTHROW(td::evaluate(module) | td::quantize<td::Int8>({.overrides = {{"2", td::float32}}}));
}

TEST_CASE("branches that no sample takes can be kept in float32, all together") {
  auto const one_sided = std::vector{at::ones({2, 16}), at::ones({2, 16}) * 2};
  auto const module = test::load("control_flow_scripted").handle();
  auto const code = [&](settings const& wanted) {
    return test::failure_of<td::quantization_error>([&] { quantized(module, one_sided, wanted); }).code;
  };
  CHECK(code({}) == td::errc::never_observed);
  CHECK(code({{"negative", td::float32}}) ==
        td::errc::not_quantizable);  // LibTorch wants branches to be observed alike
  CHECK(quantized(module, one_sided, {{"*tive", td::float32}}).layers.at("negative").precision == "float32");
}

TEST_CASE("a model with layers in float32 is saved and answers as before") {
  test::temporary_folder const folder;
  auto const samples = test::noise({1, 3, 8, 8});
  auto const session = td::evaluate(functional()) |
                       td::quantize<td::Int8>(samples, {.overrides = {{"second", td::float32}}}) |
                       td::save(folder / "mixed.pt") | td::deploy<td::LibTorch>();
  auto const loaded = td::load<td::TorchScript>(folder / "mixed.pt") | td::deploy<td::LibTorch>();
  CHECK(test::same_bits(session(samples[0]), loaded(samples[0])));
  auto const file = torch::jit::load((folder / "mixed.pt").string());  // no operator of ours is in the file
  CHECK(file.get_method("forward").graph()->toString().find("torchdeploy") == std::string::npos);
  CHECK(test::int8_layers(file) == 2);
}
