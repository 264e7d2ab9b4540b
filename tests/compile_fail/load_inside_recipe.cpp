// There is a model already when the second stage is reached.
// expect: PIPELINE_ERROR = load_starts_a_pipeline_and_cannot_follow
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto recipe = toy::load() | toy::freeze();
#else
auto recipe = toy::freeze() | toy::load();
#endif
