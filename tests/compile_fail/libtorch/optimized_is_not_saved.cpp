// What optimize makes runs here and can't be stored: LibTorch writes such a file without a word, and can't load it.
// expect: PIPELINE_ERROR = too_late_the_artifact_is_already<optimized>
#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

#ifdef GOOD_TWIN
auto model = td::load<td::TorchScript>("m.pt") | td::save("x.pt") | td::optimize();
#else
auto model = td::load<td::TorchScript>("m.pt") | td::optimize() | td::save("x.pt");
#endif
