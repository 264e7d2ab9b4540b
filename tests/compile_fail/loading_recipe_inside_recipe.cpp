// A recipe that starts with load starts a pipeline.
// expect: PIPELINE_ERROR = load_starts_a_pipeline_and_cannot_follow
#include "../support/toy.hpp"

auto const whole = toy::load() | toy::freeze();

#ifdef GOOD_TWIN
auto both = whole | toy::save();
#else
auto both = toy::save() | whole;
#endif
