// A backend of the library that is a component says which one to turn on. Its formats need not be there.
// expect: turn_on_the_cmake_component<{anonymous}::Elsewhere>
#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

namespace {
struct NoSuchFormat;
struct Elsewhere {
  using consumes = td::one_of<td::TorchScript, NoSuchFormat>;
  static constexpr bool available = false;
  static constexpr bool is_component = true;
  struct options {
    int streams = 1;
  };
};
}  // namespace

#ifdef GOOD_TWIN
auto session = td::load<td::TorchScript>("m.pt") | td::deploy<td::first_available<Elsewhere, td::LibTorch>>();
#else
auto session = td::load<td::TorchScript>("m.pt") | td::deploy<Elsewhere>({.streams = 2});
#endif
