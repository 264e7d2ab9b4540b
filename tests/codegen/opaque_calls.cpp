// Stages that call into another library, as all real ones do: no call, move or copy is added around theirs. A handle is a
// pointer here; it may be null, and a stage may throw.
#include <torchdeploy/core.hpp>

namespace td = torchdeploy;

extern "C" {
struct model;
model* fold(model*);
model* prune(model*, double amount);
model* lower(model*) noexcept;
int run(model const*, int);
}

struct Model {
  using handle = model*;
  using record = td::no_record;
};

struct fold_t : td::stage<fold_t> {
  using consumes = Model;
  model* run(model* m) const { return fold(m); }
};
struct prune_t : td::stage<prune_t> {
  using consumes = Model;
  using forbids = td::facts<td::frozen>;
  using adds = td::facts<td::pruned>;
  double amount;
  explicit constexpr prune_t(double a) : amount(a) {}
  model* run(model* m) const { return prune(m, amount); }
};
struct lower_t : td::stage<lower_t> {
  using consumes = Model;
  using adds = td::facts<td::frozen>;
  model* run(model* m) const { return m ? lower(m) : m; }
};
struct session {
  model* m;
  int operator()(int x) const { return run(m, x); }
};
struct deploy_t : td::stage<deploy_t> {
  using consumes = Model;
  using produces = td::a_session;
  using needs = td::facts<td::frozen>;
  template <td::any_artifact A>
  session apply(A&& a) const {
    return session{std::forward<A>(a).handle()};
  }
};

using start = td::artifact<Model>;

extern "C" int by_hand(model* m, double amount) {
  m = fold(m);
  m = prune(m, amount);
  m = prune(m, 0.5);
  if (m) m = lower(m);
  return run(m, 1);
}
extern "C" int piped(model* m, double amount) {
  auto const session = start(m) | fold_t{} | prune_t{amount} | prune_t{0.5} | lower_t{} | deploy_t{};
  return session(1);
}
extern "C" int recipe(model* m, double amount) {
  auto const whole = fold_t{} | prune_t{amount} | prune_t{0.5} | lower_t{} | deploy_t{};
  return whole(start(m))(1);
}
