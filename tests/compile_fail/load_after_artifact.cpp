// There is a model already.
// expect: PIPELINE_ERROR = load_starts_a_pipeline_and_cannot_follow
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto model = toy::load("a.pt") | toy::save();
#else
auto model = toy::load("a.pt") | toy::load();
#endif
