// Two mistakes, and the parentheses come first.
// expect: PIPELINE_ERROR = call_the_stage_maker_with_parentheses
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto model = toy::load("m.pt") | toy::freeze();
#else
auto model = "m.pt" | toy::freeze;
#endif
