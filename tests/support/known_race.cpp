// Two threads run the pipeline's code on one report without a lock: a race of this library's own headers, made on purpose.
// ThreadSanitizer must report it with the suppressions in force, else they hide too much (tests/CMakeLists.txt).
#include <thread>

#include <torchdeploy/backend/libtorch.hpp>
#include <torchdeploy/detail/libtorch/tensor_ops.hpp>
#include <torchdeploy/stage/load.hpp>

namespace td = torchdeploy;

int main() {
  td::quiet = true;
  auto session = td::load<td::TorchScript>(TORCHDEPLOY_TEST_DATA "/digits_cnn.pt") | td::deploy<td::LibTorch>();
  std::vector<at::Tensor> const images(1, at::ones({1, 1, 8, 8}));
  auto const work = [&] { session.warmup(3, {.samples = images}); };  // writes the session's report
  std::thread one(work), other(work);
  one.join();
  other.join();
}
