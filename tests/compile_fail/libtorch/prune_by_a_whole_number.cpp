// To torch amount=1 is one weight and amount=1.0 are all of them: a whole number says neither.
// expect: prune<C>(1): count{1}, one weight of each layer, or 1.0, all of them?
#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/stage/prune.hpp>

namespace td = torchdeploy;

#ifdef GOOD_TWIN
auto recipe = td::load<td::TorchScript>() | td::prune<td::L1>(td::count{1});
#else
auto recipe = td::load<td::TorchScript>() | td::prune<td::L1>(1);
#endif
