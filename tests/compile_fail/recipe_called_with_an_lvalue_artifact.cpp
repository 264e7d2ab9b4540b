// A recipe that is called takes its artifact as the pipe does.
// expect: move_the_artifact_in_or_pipe_a_clone
#include "../support/toy.hpp"

auto const reference = toy::load("m.pt");
auto const recipe = toy::quantize() | toy::freeze();

#ifdef GOOD_TWIN
auto model = recipe(reference.clone());
#else
auto model = recipe(reference);
#endif
