// Of two observers, which one would it be?
// expect: quantize<Int8, ...> takes one observer, not two
#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/stage/quantize.hpp>

namespace td = torchdeploy;

auto const samples = std::vector{at::ones({1, 4})};
#ifdef GOOD_TWIN
auto recipe = td::load<td::TorchScript>() | td::quantize<td::Int8, td::MovingAverage, td::Qnnpack>(samples);
#else
auto recipe = td::load<td::TorchScript>() | td::quantize<td::Int8, td::MovingAverage, td::Percentile<99.9> >(samples);
#endif
