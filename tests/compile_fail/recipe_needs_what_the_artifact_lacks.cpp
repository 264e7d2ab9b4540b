// A recipe is judged again when it meets an artifact: what it needs its input may bring, and this one does not.
// expect: PIPELINE_ERROR = the_artifact_must_first_be<verified>
#include "../support/toy.hpp"

auto const recipe = toy::ship() | toy::freeze();

#ifdef GOOD_TWIN
auto model = toy::load("m.pt") | toy::verify() | recipe;
#else
auto model = toy::load("m.pt") | recipe;
#endif
