// deploy ends a recipe, also for a stage that takes any format.
// expect: PIPELINE_ERROR = nothing_pipes_after_deploy
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto recipe = toy::freeze() | toy::save() | toy::deploy();
#else
auto recipe = toy::freeze() | toy::deploy() | toy::save();
#endif
