// The same for a mobile module: a call through a session and through torch::jit::mobile::Module::forward.
#include <cstdlib>

#include "../one_operator.hpp"

namespace td = torchdeploy;

namespace {
auto const input = at::ones({2, 16});
auto const model = td::evaluate(one_operator()) | td::to_mobile();
auto const session = model.clone() | td::deploy<td::MobileRuntime>();
auto module = model.clone().handle().module;
}  // namespace

extern "C" __attribute__((noinline)) void ours_calls(int calls) {
  for (int i = 0; i < calls; ++i) session(input);
}

extern "C" __attribute__((noinline)) void theirs_calls(int calls) {
  for (int i = 0; i < calls; ++i) module.forward({input});
}

int main(int, char** arguments) {
  for (int i = 0; i < 20; ++i) {
    session(input);
    module.forward({input});
  }
  auto const calls = std::atoi(arguments[1]);
  ours_calls(calls);
  theirs_calls(calls);
}
