// A path is not loaded in silence.
// expect: PIPELINE_ERROR = a_pipeline_starts_with_load_or_evaluate_not_with<char
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto model = toy::load("model.pt") | toy::freeze();
#else
auto model = "model.pt" | toy::freeze();
#endif
