#include <torchdeploy/core/pipe.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/toy.hpp"

namespace {

struct Noisy;
std::vector<std::string> history;

/// Tells who is copied and who is moved.
struct noisy {
  noisy() = default;
  noisy(noisy const&) { history.emplace_back("copy"); }
  noisy(noisy&&) noexcept {}
  noisy& operator=(noisy const&) = delete;
  noisy& operator=(noisy&&) = delete;
  ~noisy() = default;
};
struct Noisy {
  using handle = noisy;
};

struct step : td::stage<step> {
  using consumes = Noisy;
  std::string word;
  explicit step(std::string w) : word(std::move(w)) {}
  noisy run(noisy n) const {
    history.push_back(word);
    return n;
  }
};

struct fails : td::stage<fails> {
  using consumes = td::any_format;
  std::vector<std::string>* findings;
  explicit fails(std::vector<std::string>& f) : findings(&f) {}
  template <class Handle>
  Handle run(Handle) const {
    findings->emplace_back("tried");
    throw std::runtime_error("it does not work");
  }
};

struct slow : td::stage<slow> {
  using consumes = toy::Graph;
  toy::net run(toy::net n) const {
    auto const until = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
    while (std::chrono::steady_clock::now() < until) continue;
    return n;
  }
};

}  // namespace

TEST_CASE("a pipe runs at once, from left to right, and copies no handle") {
  history.clear();
  auto model = td::artifact<Noisy>(noisy{}) | step("one") | step("two");
  CHECK(history == std::vector<std::string>{"one", "two"});
  auto more = std::move(model) | step("three");
  CHECK(history == std::vector<std::string>{"one", "two", "three"});
}

TEST_CASE("a stage with a name can be piped again and again") {
  auto const prune = toy::prune(0.3);
  auto model = toy::load("m.pt") | prune | prune;
  CHECK(model.handle().trail == "prune prune");
}

TEST_CASE("each stage is one entry of the report, in order, with its time") {
  auto model = toy::load("m.pt") | toy::quantize() | slow{} | toy::freeze();
  auto const& stages = model.report().stages();
  REQUIRE(stages.size() == 3);
  CHECK(stages[0].stage == "quantize");
  CHECK(stages[0].detail("engine") == "toy");
  CHECK(stages[1].seconds >= 0.02);
  CHECK(stages[1].seconds < 5);
  CHECK(stages[2].stage == "toy::freeze_t");
  CHECK(stages[2].seconds < stages[1].seconds);
}

TEST_CASE("what throws stops the pipe there") {
  std::vector<std::string> tried;
  history.clear();
  CHECK_THROWS_WITH(td::artifact<Noisy>(noisy{}) | step("one") | fails(tried) | step("two"), "it does not work");
  CHECK(history == std::vector<std::string>{"one"});
  CHECK(tried.size() == 1);
}

TEST_CASE("deploy ends a pipe with what can be called") {
  auto const session = toy::load("four") | toy::freeze() | toy::deploy();
  CHECK(session(38) == 42);
  CHECK(session.n.trail == "freeze");
}
