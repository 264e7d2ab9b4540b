#include <torchdeploy/verification/latency.hpp>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {

using side = std::function<double(td::example const&)>;

}  // namespace

TEST_CASE("median and 95th percentile are those of the sorted calls") {
  CHECK_FALSE(td::detail::latency_of({}));
  auto const odd = td::detail::latency_of({3, 1, 2});
  CHECK(odd->median_ms == 2);
  CHECK(odd->p95_ms == 3);
  CHECK(odd->calls == 3);
  CHECK(td::detail::latency_of({4, 1, 2, 3})->median_ms == 2.5);
  std::vector<double> hundred;
  for (int i = 100; i > 0; --i) hundred.push_back(i);
  CHECK(td::detail::latency_of(hundred)->p95_ms == 95);
  CHECK(td::detail::latency_of(hundred)->median_ms == 50.5);
}

TEST_CASE("sides are called in turn, each first every other time, and warm-up is not counted") {
  std::string order;
  std::vector<side> const sides{[&](auto const&) { return order += 'a', static_cast<double>(order.size()); },
                                [&](auto const&) { return order += 'b', static_cast<double>(order.size()); }};
  auto const taken = td::detail::call_in_turn(sides, {td::example{}}, {3, 1, 0});
  CHECK(order == "abbaabbaabbaab");  // 4 to warm up, as one call was made before, and 3
  CHECK(taken[0] == std::vector<double>{9, 12, 13});
  CHECK(taken[1] == std::vector<double>{10, 11, 14});
}

TEST_CASE("unless asked for so many calls, measuring ends with its time, and calls to warm up give no number") {
  int calls = 0;
  std::vector<side> const slow{[&](auto const&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(260));
    return static_cast<double>(++calls);
  }};
  CHECK(td::detail::call_in_turn(slow, {td::example{}}, {{}, 0, 0.01})[0].empty());
  CHECK(calls == 1);
  CHECK(td::detail::call_in_turn(slow, {td::example{}}, {{}, 5, 0.01})[0] == std::vector<double>{2});
  CHECK(td::detail::call_in_turn(slow, {td::example{}}, {2, 9, 0})[0].size() == 2);
  CHECK(td::detail::call_in_turn(slow, {td::example{}}, {0, 9, 0})[0].empty());
  CHECK(calls == 4);
}

TEST_CASE("a side that raises when it is called again ends the measuring, no more") {
  int calls = 0;
  std::vector<side> const fragile{[&](auto const&) -> double {
    if (++calls > 7) throw std::runtime_error("no more");
    return 1;
  }};
  CHECK(td::detail::call_in_turn(fragile, {td::example{}}, {})[0].size() == 2);
}

TEST_CASE("copying the inputs is not part of a call") {
  struct {
    void const* given;
    c10::IValue run(td::example const& own) {
      CHECK(own[0].toTensor().data_ptr() != given);
      return {};
    }
  } runner{};
  auto const x = at::ones({3});
  runner.given = x.data_ptr();
  CHECK(td::detail::timed_call(runner, {x}) >= 0);
}
