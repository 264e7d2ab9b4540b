// The weights of a frozen model are constants of its graph: there is nothing left to observe.
// expect: PIPELINE_ERROR = too_late_the_artifact_is_already<frozen>
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto model = toy::load("m.pt") | toy::quantize() | toy::freeze();
#else
auto model = toy::load("m.pt") | toy::freeze() | toy::quantize();
#endif
