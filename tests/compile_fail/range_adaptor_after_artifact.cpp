// An artifact is no range.
// expect: PIPELINE_ERROR = only_a_stage_may_follow_not<
#include <ranges>
#include "../support/toy.hpp"

#ifdef GOOD_TWIN
auto first = std::vector{1, 2} | std::views::take(1);
#else
auto first = toy::load("m.pt") | std::views::take(1);
#endif
