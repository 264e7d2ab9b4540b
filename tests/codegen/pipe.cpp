// A pipeline, a recipe and the same written by hand are the same instructions when the handle is trivially destructible.
#include <torchdeploy/core.hpp>

namespace td = torchdeploy;

struct Register {
  using handle = unsigned;
  using record = td::no_record;
};

struct scale : td::stage<scale> {
  using consumes = Register;
  using adds = td::facts<td::pruned>;
  unsigned by;
  constexpr explicit scale(unsigned b) : by(b) {}
  constexpr unsigned run(unsigned h) const { return h * by; }
};
/// Not commutative, since g++ orders the operands of what is by the numbers of its temporaries.
struct without : td::stage<without> {
  using consumes = Register;
  unsigned what;
  constexpr explicit without(unsigned w) : what(w) {}
  constexpr unsigned run(unsigned h) const { return h - what; }
};
struct shift : td::stage<shift> {
  using consumes = Register;
  using needs = td::facts<td::pruned>;
  using adds = td::facts<td::quantized>;
  constexpr unsigned run(unsigned h) const { return h >> 3; }
};
struct offset : td::stage<offset> {
  using consumes = Register;
  using forbids = td::facts<td::frozen>;
  unsigned by;
  constexpr explicit offset(unsigned b) : by(b) {}
  constexpr unsigned run(unsigned h) const { return h % by == 0 ? h + by : h ^ by; }
};

using start = td::artifact<Register, td::facts<td::evaluating>>;

inline constexpr auto fixed = scale{7} | shift{} | offset{11};

extern "C" unsigned by_hand(unsigned x, unsigned y) {
  auto const h = (x * 7) >> 3;
  auto const i = h % 11 == 0 ? h + 11 : h ^ 11;
  return i - y;
}
extern "C" unsigned piped(unsigned x, unsigned y) {
  return (start(x) | scale{7} | shift{} | offset{11} | without{y}).handle();
}
extern "C" unsigned recipe(unsigned x, unsigned y) { return (fixed | without{y})(start(x)).handle(); }
