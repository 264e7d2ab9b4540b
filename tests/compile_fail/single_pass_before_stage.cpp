// A recipe may run twice, and these samples can be read once.
// expect: PIPELINE_ERROR = a_recipe_may_run_again_so_its_samples_must_be_a_forward_range
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto recipe = toy::quantize() | toy::freeze();
#else
auto recipe = toy::quantize_from_stream() | toy::freeze();
#endif
