// A recipe that ends in deploy ends the recipe that it begins.
// expect: PIPELINE_ERROR = nothing_pipes_after_deploy
#include "../support/toy.hpp"

auto const whole = toy::freeze() | toy::deploy();

#ifdef GOOD_TWIN
auto recipe = toy::save() | whole;
#else
auto recipe = whole | toy::save();
#endif
