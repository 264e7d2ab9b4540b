// A recipe that is called judges its artifact as the pipe does.
// expect: too_late_the_artifact_is_already<quantized>
#include "../support/toy.hpp"

auto const recipe = toy::prune(0.3) | toy::quantize();

#ifdef GOOD_TWIN
auto model = recipe(toy::load("m.pt"));
#else
auto model = recipe(toy::load("m.pt") | toy::quantize());
#endif
