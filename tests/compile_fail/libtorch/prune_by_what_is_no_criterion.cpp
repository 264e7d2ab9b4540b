// What ranks the weights must say how: a tag of another stage does not.
// expect: prune<C> needs a criterion: a type with a name and importance(weight)
#include <torchdeploy/quantization/minmax.hpp>
#include <torchdeploy/quantization/observer.hpp>
#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/stage/prune.hpp>

namespace td = torchdeploy;

#ifdef GOOD_TWIN
auto recipe = td::load<td::TorchScript>() | td::prune<td::L2>(0.3);
#else
auto recipe = td::load<td::TorchScript>() | td::prune<td::MinMax>(0.3);
#endif
