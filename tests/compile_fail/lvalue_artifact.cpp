// A handle copies by aliasing: what is piped is given away, and that must be said.
// expect: PIPELINE_ERROR = move_the_artifact_in_or_pipe_a_clone
#include "../support/toy.hpp"

auto reference = toy::load("m.pt");

#ifdef GOOD_TWIN
auto model = std::move(reference) | toy::quantize();
#else
auto model = reference | toy::quantize();
#endif
