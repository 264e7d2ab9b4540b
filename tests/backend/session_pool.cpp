#include <torchdeploy/backend/session_pool.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"

namespace td = torchdeploy;

namespace {

/// Counts its calls, and tells when two threads are in one.
struct counting {
  int id = 0;
  struct counters {
    std::atomic<int> calls = 0, inside = 0, crossed = 0;
  };
  counters* of = nullptr;

  int operator()(int plus) const {
    if (++of->inside > 1) ++of->crossed;
    ++of->calls;
    std::this_thread::yield();
    --of->inside;
    return id + plus;
  }
};

// A lease of a pool that is gone by the end of the line does not compile.
template <class Pool>
concept lends = requires(Pool pool) { std::forward<Pool>(pool).acquire(); };
static_assert(lends<td::session_pool<counting>&> && lends<td::session_pool<counting> const&>);
static_assert(!lends<td::session_pool<counting>> && !lends<td::session_pool<counting> const>);

}  // namespace

TEST_CASE("each lease has a session of its own, and the one given back last comes first") {
  std::array<counting::counters, 3> seen;
  td::session_pool<counting> const pool({{0, &seen[0]}, {1, &seen[1]}, {2, &seen[2]}});
  CHECK(pool.size() == 3);
  int last = 0;
  {
    auto const a = pool.acquire(), b = pool.acquire(), c = pool.acquire();
    CHECK(a->id != b->id);
    CHECK(b->id != c->id);
    CHECK(a->id != c->id);
    last = a->id;  // it is the first made, so the last given back
  }
  CHECK(pool.acquire()->id == last);
  CHECK(pool(10) == 10 + last);
}

TEST_CASE("a lease that was moved is given back once") {
  std::array<counting::counters, 2> seen;
  td::session_pool<counting> const pool({{0, &seen[0]}, {1, &seen[1]}});
  {
    auto first = pool.acquire();
    auto const moved = std::move(first);
    CHECK((*moved)(0) == moved->id);
  }
  auto const a = pool.acquire(), b = pool.acquire();
  CHECK(a->id != b->id);  // given back twice, one would be lent to two
}

TEST_CASE("who finds no session idle waits for one") {
  counting::counters seen;
  td::session_pool<counting> const pool({{5, &seen}});
  std::optional lease(pool.acquire());
  std::atomic<bool> got = false;
  std::thread other([&] {
    (void)pool(0);
    got = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK_FALSE(got);
  lease.reset();
  other.join();
  CHECK(got);
}

TEST_CASE("many threads never meet in one session of a pool, which may move meanwhile") {
  std::array<counting::counters, 3> seen;
  td::session_pool<counting> built({{0, &seen[0]}, {1, &seen[1]}, {2, &seen[2]}});
  std::optional<td::session_pool<counting>> pool;  // outlives the lease
  auto const early = built.acquire();
  pool.emplace(std::move(built));
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int call = 0; call < 200; ++call) (void)(*pool)(call);
    });
  for (auto& each : threads) each.join();
  int calls = 0;
  for (auto const& each : seen) {
    CHECK(each.crossed == 0);
    calls += each.calls;
  }
  CHECK(calls == 1600);
  CHECK(seen.at(static_cast<std::size_t>(early->id)).calls == 0);
}
