// A number is no stage.
// expect: PIPELINE_ERROR = only_a_stage_may_follow_not<int>
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto model = toy::load("m.pt") | toy::prune(8);
#else
auto model = toy::load("m.pt") | 8;
#endif
