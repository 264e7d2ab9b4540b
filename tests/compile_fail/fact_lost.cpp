// A stage that changes the model drops `verified`: what was compared is not what would be shipped.
// expect: PIPELINE_ERROR = the_artifact_must_first_be<verified>
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto model = toy::load("m.pt") | toy::prune(0.3) | toy::verify() | toy::ship();
#else
auto model = toy::load("m.pt") | toy::verify() | toy::prune(0.3) | toy::ship();
#endif
