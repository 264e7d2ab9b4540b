// A bare model becomes an artifact first: nobody knows whether it is in evaluation mode.
// expect: PIPELINE_ERROR = a_pipeline_starts_with_load_or_evaluate_not_with<toy::net>
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto model = toy::Graph::adopt(toy::net{"m"}) | toy::freeze();
#else
auto model = toy::net{"m"} | toy::freeze();
#endif
