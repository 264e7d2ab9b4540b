// What a call of a session costs beyond LibTorch's interpreter, counted in instructions by tests/codegen/callgrind.py: a
// model of one operator, called through a session and through torch::jit::Module::forward, as one writes it by hand.
#include <cstdlib>

#include "../one_operator.hpp"

namespace td = torchdeploy;

namespace {
auto const input = at::ones({2, 16});
auto const session = td::evaluate(one_operator()) | td::deploy<td::LibTorch>();
auto module = one_operator();
}  // namespace

extern "C" __attribute__((noinline)) void ours_calls(int calls) {
  for (int i = 0; i < calls; ++i) session(input);
}

extern "C" __attribute__((noinline)) void theirs_calls(int calls) {
  for (int i = 0; i < calls; ++i) module.forward({input});
}

int main(int, char** arguments) {
  for (int i = 0; i < 20; ++i) {  // the profiling executor compiles on the first calls
    session(input);
    module.forward({input});
  }
  auto const calls = std::atoi(arguments[1]);
  ours_calls(calls);
  theirs_calls(calls);
}
