// quantize<Int8, ...> takes an observer and an engine, in any order, each with a default.
#include <concepts>
#include <string>
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

using samples = std::vector<at::Tensor>;
template <class... Choices>
using stage = decltype(td::quantize<td::Int8, Choices...>(std::declval<samples&>()));

static_assert(std::same_as<stage<>, stage<td::Histogram, td::X86>>);
static_assert(std::same_as<stage<td::MinMax>, stage<td::MinMax, td::X86>>);
static_assert(std::same_as<stage<td::Onednn>, stage<td::Histogram, td::Onednn>>);
static_assert(std::same_as<stage<td::MinMax, td::Onednn>, stage<td::Onednn, td::MinMax>>);
static_assert(std::same_as<stage<td::MovingAverage, td::Qnnpack>, stage<td::Qnnpack, td::MovingAverageWith<0.01>>>);
static_assert(std::same_as<stage<td::Percentile<99>>, stage<td::X86, td::Percentile<99.0>>>);
static_assert(!std::same_as<stage<td::Percentile<99>>, stage<td::Percentile<99.9>>>);
static_assert(!std::same_as<stage<td::MinMax>, stage<>>);

template <class T>
concept can_be_samples = requires(T&& t) { td::quantize<td::Int8>(std::forward<T>(t)); };
static_assert(can_be_samples<samples&> && can_be_samples<samples> && can_be_samples<samples const&>);
static_assert(can_be_samples<at::Tensor&>, "one tensor is one sample");
static_assert(!can_be_samples<std::string>);
static_assert(!can_be_samples<std::vector<std::string>>);
static_assert(!can_be_samples<int>);
