// A toy library on the core: formats, stages and a session in a namespace of their own, with no LibTorch in reach.
// The stages have the needs and forbids of the real ones, so that a wrong order is wrong here too.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/core.hpp>

namespace td = torchdeploy;

namespace toy {

/// A model that remembers what was done to it.
struct net {
  std::string name;
  std::string trail{};
};

struct Graph {
  using handle = net;
  using example = int;

  /// A net made by hand becomes an artifact, as a module does.
  static td::artifact<Graph, td::facts<td::evaluating>> adopt(net n) {
    return td::artifact<Graph, td::facts<td::evaluating>>(std::move(n));
  }
};

struct Flat {
  using handle = std::string;
};

template <class... Facts>
using graph = td::artifact<Graph, td::facts<Facts...>>;
using loaded = graph<td::evaluating>;

inline loaded open(std::string_view path) { return loaded(net{std::string(path)}); }

inline net mark(net n, std::string_view word) {
  n.trail.append(n.trail.empty() ? "" : " ").append(word);
  return n;
}

struct load_t : td::stage<load_t> {
  using consumes = td::source;
  using produces = Graph;
  using adds = td::facts<td::evaluating>;
  loaded open(std::string_view path) const { return toy::open(path); }
};
struct freeze_t : td::stage<freeze_t> {
  using consumes = Graph;
  using needs = td::facts<td::evaluating>;
  using forbids = td::facts<td::frozen>;
  using adds = td::facts<td::frozen>;
  net run(net n) const { return mark(std::move(n), "freeze"); }
};
struct optimize_t : td::stage<optimize_t> {
  using consumes = Graph;
  using needs = td::facts<td::evaluating>;
  using forbids = td::facts<td::optimized>;
  using adds = td::facts<td::frozen, td::optimized>;
  net run(net n) const { return mark(std::move(n), "optimize"); }
};
struct quantize_t : td::stage<quantize_t> {
  using consumes = Graph;
  using needs = td::facts<td::evaluating>;
  using forbids = td::facts<td::quantized, td::frozen, td::optimized>;
  using adds = td::facts<td::quantized>;
  static constexpr std::string_view name = "quantize";
  net run(net n, td::record<Graph>& r) const {
    r.report.current().details.emplace_back("engine", "toy");
    return mark(std::move(n), "quantize");
  }
};
/// Calibrates from something that can be read only once.
struct quantize_from_stream_t : td::stage<quantize_from_stream_t> {
  using consumes = Graph;
  using needs = td::facts<td::evaluating>;
  using forbids = td::facts<td::quantized, td::frozen, td::optimized>;
  using adds = td::facts<td::quantized>;
  static constexpr bool repeatable = false;
  net run(net n) && { return mark(std::move(n), "quantize"); }
};
struct prune_t : td::stage<prune_t> {
  using consumes = Graph;
  using forbids = td::facts<td::frozen, td::optimized>;
  using adds = td::facts<td::pruned>;
  double amount{};
  constexpr explicit prune_t(double a) : amount(a) {}
  net run(net n) const { return mark(std::move(n), "prune"); }
};
struct verify_t : td::stage<verify_t> {
  using consumes = td::one_of<Graph, Flat>;
  using needs = td::facts<td::evaluating>;
  using adds = td::facts<td::verified>;
  using drops = td::facts<>;
  template <class Handle>
  Handle run(Handle h) const {
    return h;
  }
};
struct save_t : td::stage<save_t> {
  using consumes = td::any_format;
  using forbids = td::facts<td::optimized>;
  using drops = td::facts<>;
  template <class Handle>
  Handle run(Handle h) const {
    return h;
  }
};
struct flatten_t : td::stage<flatten_t> {
  using consumes = Graph;
  using produces = Flat;
  using needs = td::facts<td::evaluating>;
  std::string run(net n) const { return n.name + ": " + n.trail; }
};
/// Only a model that was compared with its reference may be shipped.
struct ship_t : td::stage<ship_t> {
  using consumes = Graph;
  using needs = td::facts<td::verified>;
  net run(net n) const { return mark(std::move(n), "ship"); }
};

struct session {
  net n;
  int operator()(int x) const { return x + static_cast<int>(n.name.size()); }
};
struct deploy_t : td::stage<deploy_t> {
  using consumes = Graph;
  using produces = td::a_session;
  using needs = td::facts<td::evaluating>;
  template <td::any_artifact A>
  session apply(A&& a) const {
    return session{std::forward<A>(a).handle()};
  }
};

template <class Stage>
struct maker : td::stage_maker {
  template <class... Args>
  constexpr Stage operator()(Args... args) const {
    return Stage(args...);
  }
};
struct load_maker : td::stage_maker {
  constexpr load_t operator()() const { return {}; }
  loaded operator()(std::string_view path) const { return toy::open(path); }
};

inline constexpr load_maker load{};
inline constexpr maker<freeze_t> freeze{};
inline constexpr maker<optimize_t> optimize{};
inline constexpr maker<quantize_t> quantize{};
inline constexpr maker<quantize_from_stream_t> quantize_from_stream{};
inline constexpr maker<prune_t> prune{};
inline constexpr maker<verify_t> verify{};
inline constexpr maker<save_t> save{};
inline constexpr maker<flatten_t> flatten{};
inline constexpr maker<ship_t> ship{};
inline constexpr maker<deploy_t> deploy{};

}  // namespace toy

template <>
inline constexpr bool torchdeploy::detail::is_session<toy::session> = true;
