// A recipe may run twice, and these samples can be read once.
// expect: PIPELINE_ERROR = a_recipe_may_run_again_so_its_samples_must_be_a_forward_range
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto model = toy::load("m.pt") | toy::quantize_from_stream();
#else
auto recipe = toy::load() | toy::quantize_from_stream();
#endif
