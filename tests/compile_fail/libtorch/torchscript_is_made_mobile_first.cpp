// A backend that takes another format says which stage makes it.
// expect: PIPELINE_ERROR = this_stage_takes_the_format<MobileLite, TorchScript, which_is_made_by<to_mobile_t> >
#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

#ifdef GOOD_TWIN
auto session = td::load<td::TorchScript>("m.pt") | td::to_mobile() | td::deploy<td::MobileRuntime>();
#else
auto session = td::load<td::TorchScript>("m.pt") | td::deploy<td::MobileRuntime>();
#endif
