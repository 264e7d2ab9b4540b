// quantize knows graphs, and this is no graph any more: the message names what it takes and what it got.
// expect: PIPELINE_ERROR = this_stage_takes_the_format<toy::Graph, toy::Flat>
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto model = toy::load("m.pt") | toy::quantize() | toy::flatten();
#else
auto model = toy::load("m.pt") | toy::flatten() | toy::quantize();
#endif
