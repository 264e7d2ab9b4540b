// After deploy nothing follows, not even a new beginning.
// expect: PIPELINE_ERROR = nothing_pipes_after_deploy
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto recipe = toy::load() | toy::deploy();
#else
auto recipe = toy::deploy() | toy::load();
#endif
