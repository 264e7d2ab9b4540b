// A const artifact can't be given away, even by std::move.
// expect: PIPELINE_ERROR = move_the_artifact_in_or_pipe_a_clone
#include "../support/toy.hpp"

auto const reference = toy::load("m.pt");

#ifdef GOOD_TWIN
auto model = reference.clone() | toy::quantize();
#else
auto model = std::move(reference) | toy::quantize();
#endif
