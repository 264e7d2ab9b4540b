// A recipe takes its artifact as a stage does.
// expect: PIPELINE_ERROR = move_the_artifact_in_or_pipe_a_clone
#include "../support/toy.hpp"

auto reference = toy::load("m.pt");
auto const recipe = toy::quantize() | toy::freeze();

#ifdef GOOD_TWIN
auto model = std::move(reference) | recipe;
#else
auto model = reference | recipe;
#endif
