// What sessions of LibTorch's two interpreters hold, call after call.
#include <torchdeploy/backend/libtorch.hpp>
#include <torchdeploy/backend/mobile_runtime.hpp>
#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/to_mobile.hpp>

#include "support/memory.hpp"
#include "support/models.hpp"
#include "support/process.hpp"

TEST_CASE("memory stays flat over ten thousand calls on LibTorch, and bounded over a thousand shapes") {
  if (!test::frees_at_once) return;
  test::holds_its_memory(test::load("digits_cnn") | td::freeze() | td::deploy<td::LibTorch>(),
                         /*every_shape_first=*/true);
}

TEST_CASE("memory stays flat over ten thousand calls on the lite interpreter, and bounded over a thousand shapes") {
  if (!test::frees_at_once) return;
  test::holds_its_memory(test::load("digits_cnn") | td::freeze() | td::to_mobile() | td::deploy<td::MobileRuntime>(),
                         /*every_shape_first=*/true);
}
