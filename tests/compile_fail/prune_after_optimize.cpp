// Of two facts in the way the first that the stage names is told.
// expect: PIPELINE_ERROR = too_late_the_artifact_is_already<frozen>
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto model = toy::load("m.pt") | toy::prune(0.3) | toy::optimize();
#else
auto model = toy::load("m.pt") | toy::optimize() | toy::prune(0.3);
#endif
