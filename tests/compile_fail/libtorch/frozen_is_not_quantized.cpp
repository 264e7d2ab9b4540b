// Freezing turns weights into constants, which the quantization passes can't observe.
// expect: PIPELINE_ERROR = too_late_the_artifact_is_already<frozen>
#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

#ifdef GOOD_TWIN
auto recipe = td::load<td::TorchScript>() | td::quantize<td::Int8>() | td::freeze();
#else
auto recipe = td::load<td::TorchScript>() | td::freeze() | td::quantize<td::Int8>();
#endif
