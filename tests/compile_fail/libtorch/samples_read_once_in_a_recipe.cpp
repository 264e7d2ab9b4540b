// A recipe may run twice, and a stream of samples can be read once.
// expect: PIPELINE_ERROR = a_recipe_may_run_again_so_its_samples_must_be_a_forward_range
#include <istream>
#include <ranges>

#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

auto samples(std::istream& in) {
  return std::views::istream<float>(in) | std::views::transform([](float x) { return at::full({1, 4}, x); });
}

#ifdef GOOD_TWIN
auto run(std::istream& in) { return td::load<td::TorchScript>("m.pt") | td::quantize<td::Int8>(samples(in)); }
#else
auto run(std::istream& in) { return td::load<td::TorchScript>() | td::quantize<td::Int8>(samples(in)); }
#endif
