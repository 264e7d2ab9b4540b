#include <torchdeploy/backend/libtorch.hpp>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/optimize.hpp>
#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"

namespace {

using test::failure_of;

auto deployed(std::string const& name, td::LibTorch::options options = {}) {
  return test::load(name) | td::deploy<td::LibTorch>(std::move(options));
}

}  // namespace

TEST_CASE("a session gives what module.forward gives, and what Python gave", "[zoo]") {
  for (auto const& each : test::reference("zoo").toGenericDict()) {
    auto const name = each.key().toStringRef();
    INFO(name);
    auto const session = deployed(name);
    auto const raw = torch::jit::load(test::model_path(name).string());
    auto const inputs = test::list_at(each.value(), "inputs"), outputs = test::list_at(each.value(), "outputs");
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      auto const got = session.run({inputs[i]});
      CHECK(test::same_bits(got, test::forward(raw, {inputs[i]})));
      CHECK(test::close(got, outputs[i], 1e-5, 1e-6));
      if (outputs[i].isTensor() && name != "exported_methods")
        CHECK(test::same_bits(session(inputs[i].toTensor()), got));
    }
  }
}

TEST_CASE("a session gives what module.forward gives on the larger models") {
  for (std::string const name : {"digits_cnn", "onet", "resnet18"}) {
    INFO(name);
    auto const record = test::reference("static_minmax_" + name);
    auto const session = deployed(name);
    auto const inputs = test::list_at(record, "inputs"), outputs = test::list_at(record, "float_outputs");
    for (std::size_t i = 0; i < inputs.size(); ++i) CHECK(test::same_bits(session.run({inputs[i]}), outputs[i]));
  }
}

TEST_CASE("results carry no gradient") {
  auto const result = deployed("mlp_scripted")(at::ones({2, 16}).set_requires_grad(true));
  CHECK_FALSE(result.requires_grad());
  CHECK_FALSE(result.grad_fn());
}

TEST_CASE("a result can be given to the next session, and an input is left alone") {
  auto const session = deployed("one_op");
  auto const x = at::zeros({3});
  CHECK(session(session(session(x))).sum().item<float>() == 9);
  CHECK(x.sum().item<float>() == 0);
}

TEST_CASE("the number of arguments is checked") {
  auto const session = deployed("mlp_scripted");
  auto const x = at::ones({2, 16});
  for (auto const& failure :
       {failure_of<td::backend_error>([&] { session(x, x); }), failure_of<td::backend_error>([&] { session(); }),
        failure_of<td::backend_error>([&] { (void)session.run({}); }), failure_of<td::backend_error>([&] {
          (void)session.run({x, x, x});
        })}) {
    CHECK(failure.code == td::errc::wrong_arguments);
    CHECK_THAT(failure.text, ContainsSubstring("forward"));
    CHECK_FALSE(failure.nested.empty());
  }
  CHECK_NOTHROW(session(x));
}

TEST_CASE("the kind of an argument is checked") {
  auto const session = deployed("mlp_scripted");
  CHECK(failure_of<td::backend_error>([&] { session(3); }).code == td::errc::wrong_arguments);
  CHECK(failure_of<td::backend_error>([&] { session(std::string("x")); }).code == td::errc::wrong_arguments);
  CHECK(failure_of<td::backend_error>([&] { (void)session.run({c10::IValue()}); }).code == td::errc::wrong_arguments);
}

TEST_CASE("a result that is not one tensor is refused with the way to get it") {
  for (auto const& [name, kind] : {std::pair{"two_outputs", "Tuple"}, std::pair{"dict_output", "Dict"}}) {
    auto const session = deployed(name);
    auto const failure = failure_of<td::backend_error>([&, session_ = session] { session_(at::ones({2, 16})); });
    CHECK(failure.code == td::errc::not_one_tensor);
    CHECK_THAT(failure.text, ContainsSubstring(kind) && ContainsSubstring("run("));
  }
}

TEST_CASE("run gives tuples and dicts") {
  auto const x = test::noise({2, 16})[0];
  auto const both = deployed("two_outputs").run({x});
  REQUIRE(both.isTuple());
  CHECK(both.toTupleRef().elements().size() == 2);
  auto const dict = deployed("dict_output").run({x});
  REQUIRE(dict.isGenericDict());
  CHECK(dict.toGenericDict().at("logits").toTensor().size(1) == 4);
  std::vector<c10::IValue> const arguments{x};
  CHECK(test::same_bits(deployed("two_outputs").run(arguments), both));
}

TEST_CASE("default arguments are filled in") {
  auto const session = deployed("kwargs_default");
  auto const x = test::noise({2, 16})[0];
  CHECK(test::same_bits(session(x), session(x, 2.0)));
  CHECK(test::same_bits(session.run({x}), session(x, 2.0)));
  CHECK(test::close(session(x, 3.0), session(x) * 1.5));
}

TEST_CASE("silero-vad takes its integer argument, and its stream is Python's") {
  auto const record = test::reference("silero_vad_stream");
  auto const chunks = test::tensors_at(record, "chunks"), wanted = test::tensors_at(record, "outputs");
  auto const session = deployed("silero_vad");
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    INFO("chunk " << i);
    CHECK(test::same_bits(session(chunks[i], 16000), wanted[i]));
  }
}

TEST_CASE("another method than forward can be called") {
  auto const x = test::noise({1, 16})[0];
  auto const session = deployed("exported_methods", {.method = "encode"});
  auto module = torch::jit::load(test::model_path("exported_methods").string());
  CHECK(test::same_bits(session(x), module.run_method("encode", x)));
  CHECK(test::same_bits(session(x), session(x)));  // it keeps no state, where forward does
}

TEST_CASE("an unknown method is refused with the list of those there are") {
  auto const failure = failure_of<td::backend_error>([] { deployed("exported_methods", {.method = "decode"}); });
  CHECK(failure.code == td::errc::method_missing);
  CHECK_THAT(failure.text,
             ContainsSubstring("'decode'") && ContainsSubstring("encode") && ContainsSubstring("reset_states"));
}

TEST_CASE("what the model raises is ours, in one line, with LibTorch's nested") {
  auto const session = deployed("raises");
  auto const failure = failure_of<td::backend_error>([&] { session(-at::ones({2, 16})); });
  CHECK(failure.code == td::errc::call_raised);
  CHECK_THAT(failure.text, ContainsSubstring("the sum of the input is negative"));
  CHECK_THAT(failure.nested, ContainsSubstring("forward"));
  CHECK(failure.nested.size() > failure.text.size());
  auto const shape = failure_of<td::backend_error>([] { deployed("mlp_scripted")(at::ones({2, 15})); });
  CHECK(shape.code == td::errc::call_raised);
  CHECK_THAT(shape.text, ContainsSubstring("shape") || ContainsSubstring("size"));
  CHECK(session(at::ones({2, 16})).sum().item<float>() == 64);  // and it goes on
}

TEST_CASE("threads that make the first calls get right results too") {
  auto const images = test::digits(16).split(4);
  std::vector<at::Tensor> wanted;
  for (auto const& each : images) wanted.push_back(deployed("digits_cnn")(each));
  for (int round = 0; round < 5; ++round) {
    auto const session = deployed("digits_cnn");
    std::atomic<int> different = 0;
    std::vector<std::thread> all;
    for (std::size_t t = 0; t < 8; ++t)
      all.emplace_back([&, t] {
        for (std::size_t i = 0; i < 10; ++i)
          different += !test::close(session(images[(i + t) % images.size()]), wanted[(i + t) % images.size()]);
      });
    for (auto& each : all) each.join();
    CHECK(different == 0);
  }
}

TEST_CASE("a session keeps the module alive") {
  auto const x = at::zeros({2});
  auto const session = [] {
    auto const module = test::scripted("def forward(self, x): return x + 7");
    return td::evaluate(module) | td::deploy<td::LibTorch>();
  }();
  CHECK(session(x).sum().item<float>() == 14);
}

TEST_CASE("another method of a session's module shares its state") {
  auto const session = deployed("exported_methods");
  auto const x = test::noise({1, 16})[0];
  auto const first = session(x).clone(), second = session(x).clone();
  REQUIRE_FALSE(test::same_bits(first, second));
  auto const reset = session.method("reset_states");
  CHECK(reset.run({}).isNone());
  CHECK(test::same_bits(session(x), first));
  CHECK(test::same_bits(session.method("forward")(x), second));  // the same stream, one step on
  CHECK(test::same_bits(session.method("encode")(x), deployed("exported_methods", {.method = "encode"})(x)));

  auto const other = deployed("exported_methods");
  other(x);
  reset.run({});
  CHECK(test::same_bits(other(x), second));  // another session's stream is another one
}

TEST_CASE("a session's other method is checked as the session is, and outlives it") {
  auto const encode = [] { return deployed("exported_methods").method("encode"); }();
  auto const x = test::noise({1, 16})[0];
  CHECK(test::same_bits(encode(x), deployed("exported_methods", {.method = "encode"})(x)));
  CHECK(failure_of<td::backend_error>([&] { encode(); }).code == td::errc::wrong_arguments);
  auto const missing = failure_of<td::backend_error>([&] { (void)encode.method("decode"); });
  CHECK(missing.code == td::errc::method_missing);
  CHECK_THAT(missing.text, ContainsSubstring("'decode'") && ContainsSubstring("reset_states"));
  CHECK_THAT(missing.text, EndsWith("did you mean 'encode'?"));
  auto const nothing = failure_of<td::backend_error>([&] { encode.method("reset_states")(); });
  CHECK(nothing.code == td::errc::not_one_tensor);
}

TEST_CASE("a frozen session can be reset through its other method") {
  auto const session = test::load("exported_methods") | td::freeze() | td::deploy<td::LibTorch>();
  auto const x = test::noise({1, 16})[0];
  auto const first = session(x).clone();
  REQUIRE_FALSE(test::same_bits(session(x), first));
  session.method("reset_states").run({});
  CHECK(test::same_bits(session(x), first));
}

TEST_CASE("a session says what it takes and gives, and is called by name") {
  auto const session = td::evaluate(test::scripted("def forward(self, image, scale: Tensor, n: int = 2):\n"
                                                   "    return image * scale, (image + n, {\"sum\": image.sum()})")) |
                       td::deploy<td::LibTorch>();
  auto const inputs = session.inputs();
  REQUIRE(inputs.size() == 3);
  CHECK(td::to_text(inputs[0]) == "image: Tensor");
  CHECK(td::to_text(inputs[2]) == "n: int");
  auto const outputs = session.outputs();
  REQUIRE(outputs.size() == 3);
  CHECK(outputs[1].name == "output_1_0");
  CHECK(td::to_text(outputs[2]) == "output_1_1: Dict[str, Tensor]");

  auto const x = at::ones({2});
  auto const results = session.run_named({{"scale", x * 3}, {"image", x}});
  REQUIRE(results.size() == 3);
  CHECK(results[0].name == "output_0");
  CHECK(results[0].tensor.equal(x * 3));
  CHECK(results[1].tensor.equal(x * 3));
  CHECK(results[2].name == "output_1_1_sum");

  auto const refusal = [&](auto&& call) { return test::failure_of<td::backend_error>(call); };
  CHECK(refusal([&] { (void)session.run_named({{"image", x}}); }).code == td::errc::name_unknown);
  CHECK_THAT(refusal([&] {
               (void)session.run_named({{"imgae", x}});
             }).text,
             ContainsSubstring("did you mean 'image'?"));
}

TEST_CASE("results are written into the caller's tensors") {
  auto const session = test::load("one_op") | td::deploy<td::LibTorch>();
  std::array<at::Tensor, 1> results{at::empty({3})};
  auto const* const place = results[0].data_ptr();
  session.run_into(results, at::zeros({3}));
  CHECK(results[0].data_ptr() == place);
  CHECK(results[0].equal(at::ones({3})));
  results[0] = at::empty({4});
  auto const failure = test::failure_of<td::backend_error>([&] { session.run_into(results, at::zeros({3})); });
  CHECK(failure.code == td::errc::wrong_arguments);
  CHECK_THAT(failure.text, ContainsSubstring("output: float32 [3], got float32 [4]"));
}

TEST_CASE("a model without state is shared, one with state pooled") {
  CHECK((test::load("one_op") | td::deploy<td::LibTorch>()).share()(at::zeros({1})).item<float>() == 1);

  torch::jit::Module counter("Counter");
  counter.register_buffer("calls", at::zeros({1}));
  counter.define("def forward(self, x):\n    self.calls.add_(1)\n    return x * self.calls\n");
  auto const session = td::evaluate(counter) | td::deploy<td::LibTorch>();
  CHECK(session.state() == std::vector<std::string>{"calls"});
  auto const failure = test::failure_of<td::backend_error>([&] { (void)session.share(); });
  CHECK(failure.code == td::errc::model_keeps_state);
  CHECK_THAT(failure.text, ContainsSubstring("writes 'calls'") && ContainsSubstring("pool(n)"));

  auto const pool = session.pool(2);
  auto const one = at::ones({1});
  auto const first = pool.acquire(), second = pool.acquire();
  CHECK((*first)(one).item<float>() == 1);
  CHECK((*first)(one).item<float>() == 2);
  CHECK((*second)(one).item<float>() == 1);
  CHECK(session(one).item<float>() == 1);
}

TEST_CASE("a session tells which operators its method holds, in what it calls too") {
  auto const lstm = test::load("lstm_scripted");
  CHECK((lstm.clone() | td::deploy<td::LibTorch>()).has_operator("aten::lstm"));
  CHECK((lstm.clone() | td::freeze() | td::optimize() | td::deploy<td::LibTorch>()).has_operator("aten::lstm"));
  auto const session = test::load("mlp_scripted") | td::deploy<td::LibTorch>();
  CHECK_FALSE(session.has_operator("aten::lstm"));
  CHECK(session.has_operator("aten::linear"));
  CHECK_FALSE(session.has_operator("linear"));

  torch::jit::Module two("Two");
  two.define("def forward(self, x):\n    return x.relu()\ndef other(self, x):\n    return x.tanh()\n");
  auto const forward = td::evaluate(two) | td::deploy<td::LibTorch>();
  CHECK_FALSE(forward.has_operator("aten::tanh"));
  CHECK(forward.method("other").has_operator("aten::tanh"));
}
