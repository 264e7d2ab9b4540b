// Only a recipe that starts with load knows how to open a path.
// expect: a_pipeline_starts_with_load_or_evaluate_not_with<char
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto const recipe = toy::load() | toy::freeze();
auto model = recipe("m.pt");
#else
auto const recipe = toy::save() | toy::freeze();
auto model = recipe("m.pt");
#endif
