// Models of every kind in OpenVINO say what they say in LibTorch.
#include <torchdeploy/openvino/convert.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/prune.hpp>

#include "support/models.hpp"
#include "support/openvino.hpp"

namespace {

constexpr double wanted_db = 100;

td::example resized(td::example inputs, std::int64_t batch) {
  for (auto& each : inputs) {
    auto tensor = each.toTensor();
    std::vector<std::int64_t> times(static_cast<std::size_t>(tensor.dim()), 1);
    times[0] = batch;
    auto many = tensor.narrow(0, 0, 1).repeat(times);
    each = many.is_floating_point() ? many + test::noise(many.sizes().vec(), 1).front() / 4 : many;
  }
  return inputs;
}

void agrees(torch::jit::Module const& module, std::vector<td::example> const& calls) {
  auto model = test::compiled(module, {calls.front()});
  for (auto const& inputs : calls) {
    INFO(td::example_traits<td::example>::shape(inputs));
    CHECK(test::agreement_db(module, model, inputs) >= wanted_db);
  }
}

}  // namespace

TEST_CASE("the zoo says in OpenVINO what it says in LibTorch, at every batch size") {
  // two write their own state; one judges its data
  std::set<std::string> const refused = {"exported_methods", "raises"};
  for (auto const& each : test::reference("zoo").toGenericDict()) {
    auto const name = each.key().toStringRef();
    auto const model = test::load(name);
    td::example const inputs{test::tensors_at(each.value(), "inputs").front()};
    DYNAMIC_SECTION(name) {
      if (refused.count(name)) {
        CHECK_THROWS_AS(test::compiled(model.handle(), {inputs}), td::backend_error);
      } else {
        agrees(model.handle(), {resized(inputs, 1), resized(inputs, 5), resized(inputs, 8)});
      }
    }
  }
}

TEST_CASE("image models run at other batch sizes and resolutions than the example's") {
  struct image_model {
    std::string name;
    std::vector<std::int64_t> shape;
    std::vector<std::int64_t> sizes;  ///< of a second resolution; none where a linear layer fixes it
  };
  auto const model = GENERATE(values<image_model>({{"digits_cnn", {1, 8, 8}, {}},
                                                   {"pnet", {3, 24, 24}, {37, 50}},
                                                   {"rnet", {3, 24, 24}, {}},
                                                   {"onet", {3, 48, 48}, {}},
                                                   {"onet_traced", {3, 48, 48}, {}},
                                                   {"resnet18", {3, 64, 64}, {96, 65}},
                                                   {"resnet18_traced", {3, 64, 64}, {96, 65}},
                                                   {"mobilenet_v2", {3, 64, 64}, {96, 65}}}));
  std::vector<td::example> calls;
  auto const add = [&](std::int64_t batch, std::int64_t height, std::int64_t width) {
    calls.push_back({test::noise({batch, model.shape[0], height, width}, 1).front()});
  };
  for (auto const batch : {1, 5, 8}) {
    add(batch, model.shape[1], model.shape[2]);
    if (!model.sizes.empty()) add(batch, model.sizes[0], model.sizes[1]);
  }
  DYNAMIC_SECTION(model.name) { agrees(test::load(model.name).handle(), calls); }
}

TEST_CASE("a frozen model and a pruned one convert") {
  std::vector<td::example> const calls = {{test::noise({1, 3, 64, 64}, 1).front()},
                                          {test::noise({5, 3, 80, 64}, 1).front()}};
  auto const name = GENERATE("resnet18", "resnet18_traced", "mobilenet_v2");
  DYNAMIC_SECTION(name) {
    agrees((test::load(name) | td::freeze()).handle(), calls);
    agrees((test::load(name) | td::prune<td::L1>(0.3)).handle(), calls);
  }
}

TEST_CASE("control flow, writes in place and nested results say what they say in LibTorch") {
  auto const all = test::reference("runtimes").toGenericDict();
  auto const name = GENERATE("encoder6_traced", "loop_over_steps", "loop_while", "branches", "in_place",
                             "nested_outputs", "masked", "resizing");
  DYNAMIC_SECTION(name) {
    auto const model = test::load("runtimes/" + std::string(name));
    std::vector<td::example> calls;
    for (auto const& inputs : all.at(name).toListRef()) calls.push_back(inputs.toListRef().vec());
    agrees(model.handle(), calls);
  }
}

TEST_CASE("arguments of other dtypes than float32") {
  auto const numbers = test::noise({3, 4}, 1).front();
  auto const integers = at::randint(-9, 9, {3, 4}, at::kLong);
  auto const agreement = [](std::string const& expression, at::Tensor const& x) {
    auto const module = test::scripted("def forward(self, x):\n  return " + expression);
    auto model = test::compiled(module, {{x}});
    return test::agreement_db(module, model, {x});
  };
  CHECK(agreement("x * 1.5 + 0.1", numbers.to(at::kDouble)) >= wanted_db);
  CHECK(agreement("x * 2 + 1, x.float() / 3, x / 2", integers) >= wanted_db);
  CHECK(agreement("x * 2 + 1", integers.to(at::kInt)) >= wanted_db);
  CHECK(agreement("x.float() / 255", integers.abs().to(at::kByte)) >= wanted_db);
  CHECK(agreement("x.float() * 2, ~x", numbers > 0) >= wanted_db);
  // LibTorch rounds after each of the two operators: 11 bits of half and 8 of bfloat16 are 66 and 48 dB
  CHECK(agreement("x * 1.5 + 1", numbers.to(at::kHalf)) >= 55);
  CHECK(agreement("x * 1.5 + 1", numbers.to(at::kBFloat16)) >= 37);
}

TEST_CASE("inputs have the names of the arguments, outputs those that sessions give them") {
  auto const ports = [](std::string const& name, td::example const& inputs) {
    auto const model = test::compiled(test::load(name).handle(), {inputs});
    auto all = test::names_of(model.inputs());
    all.push_back("->");
    for (auto const& each : test::names_of(model.outputs())) all.push_back(each);
    return all;
  };
  using names = std::vector<std::string>;
  auto const rows = test::noise({2, 16}, 1).front();
  CHECK(ports("two_outputs", {rows}) == names{"x", "->", "output_0", "output_1"});
  CHECK(ports("dict_output", {rows}) == names{"x", "->", "features", "logits"});
  CHECK(ports("constant_net", {rows}) == names{"x", "->", "output"});
  CHECK(ports("kwargs_default", {rows}) == names{"x", "->", "output"});
  CHECK(ports("runtimes/masked", {rows}) == names{"x", "->", "output"});
  CHECK(ports("runtimes/masked", {rows, rows > 0}) == names{"x", "mask", "->", "output"});
  CHECK(ports("runtimes/nested_outputs", {rows}) ==
        names{"x", "->", "output_0", "output_1_0", "output_1_1_0", "output_1_1_1"});
}

TEST_CASE("every layer can be found by the name it has in reports") {
  auto const name = GENERATE("resnet18", "resnet18_traced");
  auto const artifact = test::load(name);
  auto const model = td::detail::to_openvino(artifact.handle(), "forward",
                                             std::vector<td::example>{{test::noise({1, 3, 64, 64}, 1).front()}});
  std::set<std::string> names;
  for (auto const& node : model->get_ops()) {
    auto const& friendly = node->get_friendly_name();
    names.insert(friendly.substr(0, friendly.find("/aten::")));
  }
  auto const graph = td::detail::settled_graph(artifact.handle());
  for (auto const& each : td::detail::layers_of(*graph)) {
    INFO(each.name);
    CHECK(names.count(each.name) == 1);
    CHECK(names.count(td::detail::joined(*each.weight)) == 1);
  }
}

TEST_CASE("without examples the dtype is what the weights prove, and no shape is guessed") {
  auto const input_of = [](std::string const& name) {
    auto const model = td::detail::to_openvino(test::load(name).handle(), "forward", {});
    return model->input(0);
  };
  CHECK(input_of("mlp_scripted").get_element_type() == ov::element::f32);
  CHECK(input_of("mlp_scripted").get_partial_shape().rank().is_dynamic());
  CHECK(input_of("embedding_mlp").get_element_type() == ov::element::i64);
  CHECK(input_of("one_op").get_element_type() == ov::element::dynamic);
}

TEST_CASE("all operators without a rule are named, with the layer and line they are from") {
  auto const inputs = test::noise({2, 6}, 1).front();
  auto const failed = test::failure_of<td::backend_error>(
      [&] { test::compiled(test::load("runtimes/unconvertible").handle(), {{inputs}}); });
  CHECK(failed.code == td::errc::conversion_failed);
  CHECK_THAT(failed.text, ContainsSubstring("aten::lgamma (gamma, fixture_runtimes.py:"));
  CHECK_THAT(failed.text, ContainsSubstring("aten::cumprod (product, fixture_runtimes.py:"));
  CHECK_THAT(failed.nested, ContainsSubstring("aten::lgamma"));
}

TEST_CASE("models that keep state, or take what is no tensor, are refused by name") {
  auto const refusal = [](torch::jit::Module const& module, td::example const& inputs) {
    auto const failed = test::failure_of<td::backend_error>([&] { test::compiled(module, {inputs}); });
    CHECK(failed.code == td::errc::conversion_failed);
    return failed.text;
  };
  auto const rows = test::noise({2, 16}, 1).front();
  CHECK_THAT(refusal(test::load("exported_methods").handle(), {rows}), ContainsSubstring("writes 'state'"));
  CHECK_THAT(refusal(test::load("silero_vad").handle(), {rows, 16000}), ContainsSubstring("writes '"));
  CHECK_THAT(refusal(test::load("raises").handle(), {rows}), ContainsSubstring("prim::RaiseException"));
  CHECK_THAT(refusal(test::scripted("def forward(self, x, n: int):\n  return x * n"), {rows, 2}),
             ContainsSubstring("got 'n' of type int"));
  CHECK_THAT(refusal(test::scripted("def forward(self, xs: List[Tensor]):\n  return xs[0]"), {std::vector{rows}}),
             ContainsSubstring("got 'xs' of type List[Tensor]"));
  auto const missing = test::failure_of<td::backend_error>(
      [&] { td::detail::to_openvino(test::load("one_op").handle(), "backward", {}); });
  CHECK(missing.code == td::errc::method_missing);
}

TEST_CASE("eight threads convert at once") {
  auto const name = GENERATE("onet", "mha_scripted");
  auto const inputs = test::noise(name == std::string("onet") ? std::vector<std::int64_t>{2, 3, 48, 48}
                                                              : std::vector<std::int64_t>{2, 5, 16},
                                  1)
                          .front();
  auto const artifact = test::load(name);
  std::vector<double> agreement(8);
  std::vector<std::thread> threads;
  for (auto& each : agreement)
    threads.emplace_back([&]() noexcept {
      auto model = test::compiled(artifact.handle(), {{inputs}});
      each = test::agreement_db(artifact.handle(), model, {inputs});
    });
  for (auto& thread : threads) thread.join();
  for (auto const each : agreement) CHECK(each >= wanted_db);
}
