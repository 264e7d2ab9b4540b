// Two recipes are judged as the chain of their stages.
// expect: PIPELINE_ERROR = too_late_the_artifact_is_already<frozen>
#include "../support/toy.hpp"

auto const first = toy::save() | toy::freeze();
auto const second = toy::save() | toy::quantize();

#ifdef GOOD_TWIN
auto both = second | first;
#else
auto both = first | second;
#endif
