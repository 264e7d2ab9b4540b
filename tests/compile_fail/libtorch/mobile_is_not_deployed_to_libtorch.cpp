// A mobile module has another interpreter; deploy never converts.
// expect: PIPELINE_ERROR = this_stage_takes_the_format<TorchScript, MobileLite>
#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

#ifdef GOOD_TWIN
auto session = td::load<td::TorchScript>("m.pt") | td::to_mobile() | td::deploy<td::MobileRuntime>();
#else
auto session = td::load<td::TorchScript>("m.pt") | td::to_mobile() | td::deploy<td::LibTorch>();
#endif
