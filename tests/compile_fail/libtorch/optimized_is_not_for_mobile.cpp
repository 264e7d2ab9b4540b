// What optimize makes is for this machine; LibTorch overflows the stack when it writes that for mobile.
// expect: PIPELINE_ERROR = too_late_the_artifact_is_already<optimized>
#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

#ifdef GOOD_TWIN
auto model = td::load<td::TorchScript>("m.pt") | td::freeze() | td::to_mobile();
#else
auto model = td::load<td::TorchScript>("m.pt") | td::optimize() | td::to_mobile();
#endif
