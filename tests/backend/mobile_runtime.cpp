#include <torchdeploy/backend/mobile_runtime.hpp>

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/to_mobile.hpp>

#include "support/models.hpp"

namespace {

using test::failure_of;

auto mobile_session(std::string const& name, td::MobileRuntime::options options = {}) {
  return test::load(name) | td::to_mobile() | td::deploy<td::MobileRuntime>(std::move(options));
}
auto fixture_session(std::string const& name) {
  return td::load<td::TorchScript>(TORCHDEPLOY_MODELS "/mobile/" + name + ".pt") | td::to_mobile() |
         td::deploy<td::MobileRuntime>();
}

}  // namespace

TEST_CASE("results of a mobile session carry no gradient") {
  auto const result = mobile_session("mlp_scripted")(at::ones({2, 16}).set_requires_grad(true));
  CHECK_FALSE(result.requires_grad());
  CHECK_FALSE(result.grad_fn());
}

TEST_CASE("number and kind of a mobile session's arguments are checked before the interpreter runs") {
  auto const session = mobile_session("mlp_scripted");
  auto const x = at::ones({2, 16});
  for (auto const& failure :
       {failure_of<td::backend_error>([&] { session(x, x); }), failure_of<td::backend_error>([&] { session(); }),
        failure_of<td::backend_error>([&] { (void)session.run({}); }), failure_of<td::backend_error>([&] {
          (void)session.run({x, x, x});
        }),
        failure_of<td::backend_error>([&] { session(3); }),
        failure_of<td::backend_error>([&] { session(std::string("x")); }),
        failure_of<td::backend_error>([&] { (void)session.run({c10::IValue()}); })}) {
    CHECK(failure.code == td::errc::wrong_arguments);
    CHECK_THAT(failure.text, ContainsSubstring("forward"));
    CHECK_FALSE(failure.nested.empty());
  }
  CHECK_NOTHROW(session(x));
}

TEST_CASE("a mobile session fills in defaults, None among them") {
  auto const session = fixture_session("optionals");
  auto const x = test::noise({2, 3})[0];
  CHECK(test::same_bits(session(x), x * 2));
  CHECK(test::same_bits(session(x, c10::IValue()), x * 2));
  CHECK(test::same_bits(session(x, x), x * 2 + x));
  CHECK(test::same_bits(session(x, x, 3.0), x * 3 + x));
  CHECK(failure_of<td::backend_error>([&] { session(); }).code == td::errc::wrong_arguments);
  CHECK(failure_of<td::backend_error>([&] { session(x, 1); }).code == td::errc::wrong_arguments);

  auto const scaled = mobile_session("kwargs_default");
  auto const y = test::noise({2, 16})[0];
  CHECK(test::same_bits(scaled(y), scaled(y, 2.0)));
  CHECK(test::close(scaled(y, 3.0), scaled(y) * 1.5));
}

TEST_CASE("a mobile session's result that is not one tensor is refused with the way to get it") {
  for (auto const& [name, kind] : {std::pair{"two_outputs", "Tuple"}, std::pair{"dict_output", "Dict"}}) {
    auto const session = mobile_session(name);
    auto const x = at::ones({2, 16});
    auto const failure = failure_of<td::backend_error>([&, session_ = session] { session_(x); });
    CHECK(failure.code == td::errc::not_one_tensor);
    CHECK_THAT(failure.text, ContainsSubstring(kind) && ContainsSubstring("run("));
    CHECK(test::same_bits(session.run({x}), (test::load(name) | td::deploy<td::LibTorch>()).run({x})));
  }
}

TEST_CASE("what a mobile model raises is ours, in one line, with LibTorch's nested") {
  auto const session = mobile_session("raises");
  auto const failure = failure_of<td::backend_error>([&] { session(-at::ones({2, 16})); });
  CHECK(failure.code == td::errc::call_raised);
  CHECK_THAT(failure.text, ContainsSubstring("the sum of the input is negative"));
  CHECK_FALSE(failure.nested.empty());
  auto const shape = failure_of<td::backend_error>([] { mobile_session("mlp_scripted")(at::ones({2, 15})); });
  CHECK(shape.code == td::errc::call_raised);
  CHECK(session(at::ones({2, 16})).sum().item<float>() == 64);  // and it goes on
}

TEST_CASE("an unknown method of a mobile module is refused with the nearest") {
  auto const failure =
      failure_of<td::backend_error>([] { mobile_session("exported_methods", {.method = "reset_state"}); });
  CHECK(failure.code == td::errc::method_missing);
  CHECK_THAT(failure.text, ContainsSubstring("did you mean 'reset_states'?"));
}

TEST_CASE("another method of a mobile session shares its state, and outlives it") {
  auto const session = mobile_session("exported_methods");
  auto const x = test::noise({1, 16})[0];
  auto const first = session(x).clone(), second = session(x).clone();
  REQUIRE_FALSE(test::same_bits(first, second));
  session.method("reset_states").run({});
  CHECK(test::same_bits(session(x), first));
  CHECK(test::same_bits(session.method("forward")(x), second));

  auto const encode = [] { return mobile_session("exported_methods").method("encode"); }();
  CHECK(test::same_bits(encode(x), mobile_session("exported_methods", {.method = "encode"})(x)));
  CHECK(failure_of<td::backend_error>([&] { encode(); }).code == td::errc::wrong_arguments);
}

TEST_CASE("a mobile session's forward is the module's own, not that of a submodule") {
  CHECK(fixture_session("interface")(at::zeros({2})).sum().item<double>() == 20);
}

TEST_CASE("the first available backend is the one that takes the format") {
  using either = td::first_available<td::MobileRuntime, td::LibTorch>;
  auto const graph = test::load("one_op") | td::deploy<either>();
  auto const mobile = test::load("one_op") | td::to_mobile() | td::deploy<either>();
  CHECK(std::is_same_v<decltype(graph), td::session<td::LibTorch> const>);
  CHECK(std::is_same_v<decltype(mobile), td::session<td::MobileRuntime> const>);
  CHECK(test::same_bits(graph(at::zeros({3})), mobile(at::zeros({3}))));
}

TEST_CASE("a mobile session that may keep a state is pooled, a frozen one shared") {
  torch::jit::Module counter("Counter");
  counter.register_buffer("calls", at::zeros({1}));
  counter.define(
      "def forward(self, x):\n    self.calls.add_(1)\n    return x * self.calls\n"
      "def reset(self):\n    return self.calls.zero_()\n");
  auto const session = td::evaluate(counter) | td::to_mobile() | td::deploy<td::MobileRuntime>();
  CHECK(session.state() == std::vector<std::string>{"calls"});
  CHECK(test::failure_of<td::backend_error>([&] { (void)session.share(); }).code == td::errc::model_keeps_state);
  auto const pool = session.pool(2);
  auto const one = at::ones({1});
  {
    auto const first = pool.acquire(), second = pool.acquire();
    CHECK((*first)(one).item<float>() == 1);
    CHECK((*first)(one).item<float>() == 2);
    CHECK((*second)(one).item<float>() == 1);
    (void)first->method("reset").run({});
    CHECK((*first)(one).item<float>() == 1);
    CHECK((*second)(one).item<float>() == 2);
  }
  CHECK(session(one).item<float>() == 1);

  auto const frozen = test::load("digits_cnn") | td::freeze() | td::to_mobile() | td::deploy<td::MobileRuntime>();
  CHECK(frozen.share()(test::digits(2)).equal(frozen(test::digits(2))));
}

TEST_CASE("lists and dicts that a mobile model keeps are state as well") {
  using names = std::vector<std::string>;
  auto const state_of = [](std::string const& body, bool list_of_tensors = true) {
    torch::jit::Module module("Keeper");
    if (list_of_tensors)
      module.register_attribute("seen", c10::ListType::ofTensors(), c10::List<at::Tensor>({at::zeros({1})}));
    module.register_attribute("counts", c10::ListType::ofInts(), c10::List<std::int64_t>({1, 2}));
    c10::Dict<std::string, at::Tensor> table;
    table.insert("h", at::zeros({1}));
    module.register_attribute("table", c10::DictType::create(c10::StringType::get(), c10::TensorType::get()), table);
    module.define("def forward(self, x):\n" + body);
    return (td::evaluate(module) | td::to_mobile() | td::deploy<td::MobileRuntime>()).state();
  };
  CHECK(state_of("    self.seen.append(x)\n    return x\n") == names{"seen", "counts", "table"});
  CHECK(state_of("    self.table['h'] = x\n    return x\n") == names{"seen", "counts", "table"});
  CHECK(state_of("    self.table['h'].add_(x)\n    return x\n") == names{"seen", "table"});
  CHECK(state_of("    return x + self.seen[0] + self.counts[1] + self.table['h']\n").empty());
}

TEST_CASE("a mobile session tells which operators its module holds") {
  CHECK(mobile_session("lstm_scripted").has_operator("aten::lstm"));  // aten::lstm.input
  auto const session = mobile_session("mlp_scripted");
  CHECK_FALSE(session.has_operator("aten::lstm"));
  CHECK(session.has_operator("aten::linear"));
}
