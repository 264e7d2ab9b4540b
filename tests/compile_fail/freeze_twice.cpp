// A frozen model has nothing left to freeze.
// expect: PIPELINE_ERROR = too_late_the_artifact_is_already<frozen>
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto model = toy::load("m.pt") | toy::freeze() | toy::save();
#else
auto model = toy::load("m.pt") | toy::freeze() | toy::freeze();
#endif
