#include <torchdeploy/stage/verify.hpp>
#include <torchdeploy/verification/runner.hpp>

#include <string>
#include <vector>

#include "support/catch.hpp"

namespace td = torchdeploy;

namespace acme {

/// A format of a user's: it multiplies. No clone, no leaving form: verification copies the handle.
struct Scale {
  struct handle {
    double by = 1;
    int calls = 0;
  };
  using example = td::example;
  static c10::IValue run(handle& model, td::example const& inputs) {
    ++model.calls;
    return inputs.at(0).toTensor() * model.by;
  }
};

/// The same, in a form that changes when it leaves: rounded to integers.
struct Rounded : Scale {
  static handle leaving(handle const& model, td::record<Rounded> const&) {
    return {static_cast<double>(static_cast<int>(model.by)), 0};
  }
};

struct Silent {
  using handle = int;
};

/// A format that does not run by itself, and the backend that runs it.
struct Factor {
  using handle = double;
  using example = td::example;
  using runs_in = struct Multiplier;
};
struct Multiplier {
  using consumes = Factor;
  struct options {};
  static constexpr bool available = true;
  struct compiled {
    double by;
    at::Tensor operator()(at::Tensor const& x) const { return x * by; }
  };
  inline static int compilations = 0;
  static compiled compile(double by, td::record<Factor> const&, options const&) {
    ++compilations;
    return {by};
  }
};

}  // namespace acme

static_assert(td::runs<acme::Scale>);
static_assert(!td::runs<acme::Silent>);
static_assert(td::runs<acme::Factor>);

TEST_CASE("a format of a user's own that runs can be verified") {
  auto const twice = [](at::Tensor const& x) { return x * 2; };
  auto const inputs = std::vector{at::ones({2}), at::zeros({2})};
  td::artifact<acme::Scale, td::facts<td::evaluating>> model(acme::Scale::handle{2});
  CHECK(td::compare(model, twice, {.samples = inputs}).passed);
  CHECK(model.handle().calls == 0);
  auto const verified = std::move(model) | td::verify(twice, {.samples = inputs});
  CHECK(verified.handle().calls == 0);
  CHECK(verified.report().find("verify")->detail("samples") == "2");
}

TEST_CASE("what is compared is the form that leaves") {
  auto const inputs = std::vector{at::ones({2}), at::zeros({2})};
  td::artifact<acme::Rounded, td::facts<>> const model(acme::Scale::handle{2.7});
  CHECK(td::compare(model, [](at::Tensor const& x) { return x * 2; }, {.samples = inputs}).passed);
  CHECK_FALSE(td::compare(model, [](at::Tensor const& x) { return x * 2.7; }, {.samples = inputs}).passed);
}

TEST_CASE("a format that a backend runs is verified by it, deployed once") {
  auto const inputs = std::vector{at::ones({2}), at::zeros({2})};
  auto const twice = [](at::Tensor const& x) { return x * 2; };
  td::artifact<acme::Factor, td::facts<td::evaluating>> model(2.0);
  CHECK(td::compare(model, twice, {.samples = inputs}).passed);
  CHECK(acme::Multiplier::compilations == 1);
  CHECK_FALSE(td::compare(td::artifact<acme::Factor>(3.0), model, {.samples = inputs}).passed);
  auto const verified = std::move(model) | td::verify(twice, {.samples = inputs});
  CHECK(verified.handle() == 2);
}
