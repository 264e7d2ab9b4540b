#include <torchdeploy/backend/method.hpp>

#include <functional>

#include "support/models.hpp"

namespace {
/// What the interpreter of TorchScript does, behind the same door.
struct interpreter {
  torch::jit::Function* function;
  void run(std::vector<c10::IValue>& stack) const { function->run(stack); }
};
using method = td::interpreted_method<interpreter>;

method of(torch::jit::Module const& module, std::string const& name = "forward") {
  auto& function = module.get_method(name).function();
  return {module._ivalue(), interpreter{&function}, function.getSchema()};
}
method of(std::string const& source) { return of(test::scripted(source)); }

td::errc refused(std::function<void()> const& call) { return test::failure_of<td::backend_error>(call).code; }
}  // namespace

TEST_CASE("a method takes tensors and all that is no tensor") {
  auto const x = at::ones({2});
  CHECK(at::equal(of("def forward(self, x):\n    return x * 2")(x), x * 2));
  CHECK(at::equal(of("def forward(self, x, n: int = 3):\n    return x * n")(x), x * 3));
  CHECK(at::equal(of("def forward(self, x, n: int = 3):\n    return x * n")(x, 4), x * 4));
  CHECK(of("def forward(self, n: int):\n    return n + 1").run({1}).toInt() == 2);
  CHECK(of("def forward(self):\n    return 1").run({}).toInt() == 1);
  CHECK(of("def forward(self, x):\n    return x, 3").run({x}).isTuple());
}

TEST_CASE("wrong arguments, other results and what the model raises are told apart") {
  auto const x = at::ones({2});
  auto const twice = of("def forward(self, x):\n    return x.view([2]) * 2");
  CHECK(refused([&] { (void)twice(); }) == td::errc::wrong_arguments);
  CHECK(refused([&] { (void)twice(x, x); }) == td::errc::wrong_arguments);
  CHECK(refused([&] { (void)twice("text"); }) == td::errc::wrong_arguments);
  CHECK(refused([&] { (void)twice.run({x, x}); }) == td::errc::wrong_arguments);
  CHECK(refused([&] { (void)twice(at::ones({3})); }) == td::errc::call_raised);
  CHECK(refused([&] { (void)of("def forward(self, x):\n    return x, x")(x); }) == td::errc::not_one_tensor);
  CHECK(refused([&] { (void)of("def forward(self):\n    return 1")(); }) == td::errc::not_one_tensor);
  CHECK(at::equal(twice(x), x * 2));  // and goes on
}

TEST_CASE("a rehearsal runs the same code and leaves the state alone") {
  torch::jit::Module counter("Counter");
  counter.register_buffer("calls", at::zeros({1}));
  counter.define("def forward(self, x):\n    self.calls.add_(1)\n    return x * self.calls\n");
  auto const method = of(counter);
  auto const rehearsal = method.rehearsal();
  std::vector<c10::IValue> const inputs{at::ones({1})};
  rehearsal(inputs);
  rehearsal(inputs);
  CHECK(counter.attr("calls").toTensor().item<float>() == 0);
  CHECK(method(at::ones({1})).item<float>() == 1);
}

TEST_CASE("a method that is missing is named, with those that are there") {
  auto const failure = test::failure_of<td::backend_error>([] {
    td::detail::refuse_method("reset_state", {"forward", "reset_states"});
  });
  CHECK(failure.code == td::errc::method_missing);
  CHECK_THAT(failure.text, ContainsSubstring("forward, reset_states") && ContainsSubstring("did you mean"));
}
