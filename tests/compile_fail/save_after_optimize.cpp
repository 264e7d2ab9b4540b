// What optimize leaves runs here and can't be saved.
// expect: PIPELINE_ERROR = too_late_the_artifact_is_already<optimized>
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto model = toy::load("m.pt") | toy::save() | toy::optimize();
#else
auto model = toy::load("m.pt") | toy::optimize() | toy::save();
#endif
