// A recipe whose first stage takes several formats is judged exactly when it meets an artifact.
// expect: PIPELINE_ERROR = this_stage_takes_the_format<toy::Graph, toy::Flat>
#include "../support/toy.hpp"

auto const recipe = toy::verify() | toy::freeze();

#ifdef GOOD_TWIN
auto model = toy::load("m.pt") | recipe;
#else
auto model = toy::load("m.pt") | toy::flatten() | recipe;
#endif
