// A runtime that this build has not can be named, and not deployed to.
// expect: Absent
#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

struct Absent {
  using consumes = td::TorchScript;
  static constexpr bool available = false;
  struct options {};
  struct program {
    int operator()() const { return 0; }
  };
  static program compile(torch::jit::Module, td::record<td::TorchScript> const&, options const&);
};

#ifdef GOOD_TWIN
auto session = td::load<td::TorchScript>("m.pt") | td::deploy<td::first_available<Absent, td::LibTorch>>();
#else
auto session = td::load<td::TorchScript>("m.pt") | td::deploy<Absent>();
#endif
