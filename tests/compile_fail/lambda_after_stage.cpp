// A function is no stage in a recipe either.
// expect: PIPELINE_ERROR = only_a_stage_may_follow_not<
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto recipe = toy::quantize() | toy::freeze();
#else
auto recipe = toy::quantize() | [](toy::net n) { return n; };
#endif
