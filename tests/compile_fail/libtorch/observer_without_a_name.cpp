// A type that is nearly an observer is told what it lacks.
// expect: this observer lacks: static constexpr std::string_view name
#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/stage/quantize.hpp>

namespace td = torchdeploy;

struct Clipped {
#ifdef GOOD_TWIN
  static constexpr std::string_view name = "clipped";
#endif
  void observe(at::Tensor const& x) { all.observe(x); }
  std::optional<td::value_range> range() const { return all.range(); }
  td::MinMax all;
};

auto const samples = std::vector{at::ones({1, 4})};
auto recipe = td::load<td::TorchScript>() | td::quantize<td::Int8, Clipped>(samples);
