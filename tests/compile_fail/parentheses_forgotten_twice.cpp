// Two makers make no recipe.
// expect: PIPELINE_ERROR = call_the_stage_maker_with_parentheses
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto recipe = toy::quantize() | toy::freeze();
#else
auto recipe = toy::quantize | toy::freeze;
#endif
