// Two models make no pipeline.
// expect: PIPELINE_ERROR = only_a_stage_may_follow_not<artifact<toy::Graph, facts<evaluating>
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto model = toy::load("a.pt") | toy::freeze();
#else
auto model = toy::load("a.pt") | toy::load("b.pt");
#endif
