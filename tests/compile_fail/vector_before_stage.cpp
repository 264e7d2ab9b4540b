// Many models are no model.
// expect: PIPELINE_ERROR = a_pipeline_starts_with_load_or_evaluate_not_with<std::vector<int
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto model = toy::load("m.pt") | toy::freeze();
#else
auto model = std::vector<int>{1, 2} | toy::freeze();
#endif
