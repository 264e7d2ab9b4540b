// A session is the end: the model is gone into the runtime.
// expect: PIPELINE_ERROR = nothing_pipes_after_deploy
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto run = toy::load("m.pt") | toy::freeze() | toy::deploy();
#else
auto run = toy::load("m.pt") | toy::deploy() | toy::freeze();
#endif
