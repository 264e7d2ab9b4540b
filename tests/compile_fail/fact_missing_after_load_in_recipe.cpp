// After load everything is known, so a recipe says at once what is missing.
// expect: PIPELINE_ERROR = the_artifact_must_first_be<verified>
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto recipe = toy::load() | toy::verify() | toy::ship();
#else
auto recipe = toy::load() | toy::freeze() | toy::ship();
#endif
