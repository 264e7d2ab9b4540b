// An int8 model is not quantized again.
// expect: PIPELINE_ERROR = too_late_the_artifact_is_already<quantized>
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto model = toy::load("m.pt") | toy::quantize() | toy::prune(0.3);
#else
auto model = toy::load("m.pt") | toy::quantize() | toy::quantize();
#endif
