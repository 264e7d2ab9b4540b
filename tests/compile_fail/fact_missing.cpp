// ship takes only what was compared with its reference.
// expect: PIPELINE_ERROR = the_artifact_must_first_be<verified>
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto model = toy::load("m.pt") | toy::verify() | toy::ship();
#else
auto model = toy::load("m.pt") | toy::ship();
#endif
