// A session that has a name is the end too.
// expect: PIPELINE_ERROR = nothing_pipes_after_deploy
#include "../support/toy.hpp"

auto const run = toy::load("m.pt") | toy::deploy();

#ifdef GOOD_TWIN
int answer = run(1);
#else
auto model = run | toy::save();
#endif
