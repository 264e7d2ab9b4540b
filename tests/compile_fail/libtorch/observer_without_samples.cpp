// Without samples the quantization is dynamic: whoever names an observer forgot them.
// expect: quantize<Int8, ...>() without samples has nothing to observe
#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/stage/quantize.hpp>

namespace td = torchdeploy;

#ifdef GOOD_TWIN
auto recipe = td::load<td::TorchScript>() | td::quantize<td::Int8, td::Qnnpack>();
#else
auto recipe = td::load<td::TorchScript>() | td::quantize<td::Int8, td::MinMax>();
#endif
