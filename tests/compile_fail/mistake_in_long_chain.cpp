// One mistake is one error, however long the chain goes on.
// expect: PIPELINE_ERROR = too_late_the_artifact_is_already<frozen>
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto model = toy::load("m.pt") | toy::prune(0.1) | toy::save() | toy::quantize() | toy::freeze() | toy::verify() |
             toy::save() | toy::ship() | toy::flatten();
#else
auto model = toy::load("m.pt") | toy::prune(0.1) | toy::freeze() | toy::quantize() | toy::save() | toy::verify() |
             toy::save() | toy::ship() | toy::flatten();
#endif
