// A recipe may run twice, and a stream of samples can be read once.
// expect: PIPELINE_ERROR = a_recipe_may_run_again_so_its_samples_must_be_a_forward_range
#include <iostream>
#include <ranges>

#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/stage/quantize.hpp>

namespace td = torchdeploy;

auto const fill = [](float x) { return at::full({1, 4}, x); };

#ifdef GOOD_TWIN
auto model = td::load<td::TorchScript>("m.pt") |
             td::quantize<td::Int8>(std::views::istream<float>(std::cin) | std::views::transform(fill));
#else
auto recipe = td::load<td::TorchScript>() |
              td::quantize<td::Int8>(std::views::istream<float>(std::cin) | std::views::transform(fill));
#endif
