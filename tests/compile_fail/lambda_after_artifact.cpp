// A function is no stage: `tap` takes one.
// expect: PIPELINE_ERROR = only_a_stage_may_follow_not<
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto model = toy::load("m.pt") | toy::freeze();
#else
auto model = toy::load("m.pt") | [](toy::net n) { return n; };
#endif
