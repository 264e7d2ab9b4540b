// The table of stages in docs/stages.md, as the compiler sees it.
#include <concepts>
#include <type_traits>
#include <utility>
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

template <class... Facts>
using model = td::artifact<td::TorchScript, td::facts<Facts...>>;
using td::evaluating, td::frozen, td::optimized, td::quantized, td::pruned;

template <class L, class R>
concept pipes = requires(L&& l, R&& r) { std::forward<L>(l) | std::forward<R>(r); };
template <class A, class S, class... Facts>
inline constexpr bool gives =
    td::same_facts<typename decltype(std::declval<A>() | std::declval<S>())::known, td::facts<Facts...>>;

using loaded = model<evaluating>;
using quantize_static = decltype(td::quantize<td::Int8>(std::declval<std::vector<at::Tensor>&>()));
using quantize_dynamic = decltype(td::quantize<td::Int8>());
using prune = decltype(td::prune<td::L1>(0.3));
using freeze = decltype(td::freeze());
using optimize = decltype(td::optimize());
using to_mobile = decltype(td::to_mobile());
using save = decltype(td::save("x.pt"));
using deploy = decltype(td::deploy<td::LibTorch>());

static_assert(std::same_as<decltype(td::load<td::TorchScript>("m.pt")), loaded>);
static_assert(std::same_as<decltype(td::evaluate(std::declval<torch::jit::Module&>())), loaded>);

static_assert(gives<loaded, quantize_static, evaluating, quantized>);
static_assert(gives<loaded, quantize_dynamic, evaluating, quantized>);
static_assert(gives<loaded, prune, evaluating, pruned>);
static_assert(gives<loaded, freeze, evaluating, frozen>);
static_assert(gives<loaded, optimize, evaluating, frozen, optimized>);
static_assert(gives<loaded, save, evaluating>);
static_assert(gives<model<evaluating, td::verified>, save, evaluating, td::verified>, "saving changes nothing");
static_assert(gives<model<evaluating, td::verified>, freeze, evaluating, frozen>, "freezing may");

static_assert(pipes<model<evaluating, quantized>, prune>, "the headline: quantize, then prune");
static_assert(pipes<model<evaluating, pruned>, quantize_static>);
static_assert(pipes<model<evaluating, quantized>, freeze>, "which lowers it");
static_assert(pipes<model<evaluating, frozen>, optimize>);
static_assert(pipes<model<evaluating, frozen>, save>);
static_assert(!pipes<model<evaluating, quantized>, quantize_dynamic>);
static_assert(!pipes<model<evaluating, frozen>, quantize_static>);
static_assert(!pipes<model<evaluating, frozen>, prune>);
static_assert(!pipes<model<evaluating, frozen>, freeze>);
static_assert(!pipes<model<evaluating, frozen, optimized>, optimize>);
static_assert(!pipes<model<evaluating, frozen, optimized>, save>);
static_assert(pipes<model<evaluating, frozen, optimized>, deploy>);
static_assert(!pipes<loaded&, freeze>, "an lvalue is not consumed in silence");
static_assert(!pipes<model<>, quantize_static>, "who made an artifact by hand says that it evaluates");

static_assert(quantize_static::repeatable && quantize_dynamic::repeatable);
static_assert(td::available<td::LibTorch>);

template <class... Facts>
using mobile_model = td::artifact<td::MobileLite, td::facts<Facts...>>;
using deploy_mobile = decltype(td::deploy<td::MobileRuntime>());

static_assert(std::same_as<decltype(td::load<td::MobileLite>("m.ptl")), mobile_model<evaluating>>);
static_assert(std::same_as<decltype(std::declval<model<evaluating, frozen, td::verified>>() | td::to_mobile()),
                           mobile_model<evaluating, frozen>>);
static_assert(pipes<model<evaluating, quantized>, to_mobile>, "which lowers it");
static_assert(!pipes<model<evaluating, frozen, optimized>, to_mobile>);
static_assert(!pipes<model<>, to_mobile>);
static_assert(!pipes<mobile_model<evaluating>, to_mobile>);
static_assert(!pipes<mobile_model<evaluating>, freeze> && !pipes<mobile_model<evaluating>, quantize_dynamic>);
static_assert(!pipes<mobile_model<evaluating>, deploy> && !pipes<loaded, deploy_mobile>, "deploy never converts");
static_assert(gives<mobile_model<evaluating, td::verified>, save, evaluating, td::verified>);
static_assert(td::runs<td::MobileLite> && td::available<td::MobileRuntime>);
