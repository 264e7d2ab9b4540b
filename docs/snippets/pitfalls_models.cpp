// Rules for whoever exports a model, each with what happens to a model that breaks it.
#include <iostream>
#include <string>
#include <vector>

#include "digits.hpp"

namespace td = torchdeploy;

namespace {

// [begin module]
torch::jit::Module scripted(std::string const& forward) {
  torch::jit::Module module("Net");
  module.define(forward);
  return module;
}
// [end module]

void evaluation_mode() {
  // [begin eval]
  auto const images = read_images("examples/data/digits_test_images.u8");
  for (std::string const name : {"digits_cnn", "digits_cnn_scripted_train", "digits_cnn_traced_train"}) {
    auto model = td::load<td::TorchScript>("examples/data/" + name + ".pt");
    std::cout << name << '\n' << td::to_text(model.report().findings());
    auto const session = std::move(model) | td::deploy<td::LibTorch>();
    bool const same = at::equal(session(images), session(images));
    std::cout << (same ? "two calls agree\n" : "two calls differ\n");
  }
  // [end eval]
}

void tracing() {
  // [begin tracing]
  // def forward(self, x):
  //     return 2 * x if x.sum() > 0 else -x
  auto const script =
      td::evaluate(scripted("def forward(self, x):\n"
                            "    if bool(torch.sum(x) > 0):\n"
                            "        return 2 * x\n"
                            "    return -x\n"));
  // what torch.jit.trace(model, torch.ones(2, 4)) makes of it
  auto const trace =
      td::evaluate(scripted("def forward(self, x):\n"
                            "    return 2 * x\n"));

  for (double const value : {1.0, -1.0}) {
    std::vector const samples{at::full({2, 4}, value), at::full({2, 4}, 3 * value)};
    auto const result = td::compare(trace, script, {.samples = samples});
    std::cout << value << ": " << (result.passed ? "the same" : result.failure) << '\n';
  }
  // [end tracing]
}

void dynamic_shapes() {
  // [begin shapes]
  std::vector const samples{at::arange(32, at::kFloat).view({2, 4, 4})};
  // x.view(len(x), 16): a trace writes the number that len(x) was
  auto const fixed = td::evaluate(scripted("def forward(self, x):\n    return torch.view(x, [2, 16])\n"));
  std::cout << td::to_text(td::diagnose(fixed, {.samples = samples}));

  auto const any = td::evaluate(scripted("def forward(self, x):\n    return torch.flatten(x, 1)\n"));
  std::cout << "flatten: " << td::to_text(td::diagnose(any, {.samples = samples}));
  // [end shapes]
}

void missing_names() {
  // [begin names]
  auto module = scripted("def forward(self, x):\n    return x\n");
  module.define("def reset_states(self):\n    return 0\n");
  auto const model = td::evaluate(module);
  std::cout << td::to_text(td::diagnose(model, {.expects = {"reset_state"}}).front());

  auto const session = model.clone() | td::deploy<td::LibTorch>();
  try {
    auto const reset = session.method("reset_state");
  } catch (td::backend_error const& failure) {
    std::cout << failure.what() << '\n';
  }
  // [end names]
}

}  // namespace

int main() {
  td::quiet = true;  // standard error would have the warnings too
  evaluation_mode();
  tracing();
  dynamic_shapes();
  missing_names();
}
