// A backend written outside: a tag with five members. It opens no namespace of the library and registers nothing.
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <torchdeploy/backend/backend.hpp>

#include "support/catch.hpp"

namespace td = torchdeploy;

namespace acme {

struct Polynomial {
  using handle = std::vector<double>;  // coefficients, the constant first
  using example = double;
};
struct Drawing {
  using handle = std::string;
};

/// What the backend makes of a model: a callable, with whatever else it offers.
class program {
 public:
  program(std::vector<double> coefficients, double scale) : coefficients_(std::move(coefficients)), scale_(scale) {}
  double operator()(double x) const {
    double sum = 0;
    for (auto c = coefficients_.rbegin(); c != coefficients_.rend(); ++c) sum = sum * x + *c;
    return scale_ * sum;
  }
  std::size_t size() const { return coefficients_.size(); }

 private:
  std::vector<double> coefficients_;
  double scale_;
};

struct Npu {
  using consumes = Polynomial;
  static constexpr bool available = true;
  struct options {
    double scale = 1;
  };
  static program compile(Polynomial::handle handle, td::record<Polynomial> const& record, options const& told) {
    if (handle.empty()) throw std::invalid_argument("a polynomial without coefficients");
    if (!record.examples.empty()) return {std::move(handle), record.examples.front()};
    return {std::move(handle), told.scale};
  }
};

/// A runtime that this build has not.
struct Tpu {
  using consumes = Polynomial;
  static constexpr bool available = false;
  struct options {};
  static program compile(Polynomial::handle, td::record<Polynomial> const&, options const&);
};

/// A runtime for another format.
struct Plotter {
  using consumes = Drawing;
  static constexpr bool available = true;
  struct options {};
  struct plot {
    std::string text;
    std::string operator()() const { return text; }
  };
  static plot compile(Drawing::handle handle, td::record<Drawing> const&, options const&) {
    return {std::move(handle)};
  }
};

struct differentiate : td::stage<differentiate> {
  using consumes = Polynomial;
  Polynomial::handle run(Polynomial::handle coefficients) const {
    for (std::size_t i = 1; i < coefficients.size(); ++i)
      coefficients[i - 1] = static_cast<double>(i) * coefficients[i];
    coefficients.pop_back();
    return coefficients;
  }
};

using polynomial = td::artifact<Polynomial>;
inline polynomial cubic() { return polynomial({1, 2, 3, 4}); }

}  // namespace acme

TEST_CASE("a backend from another namespace gives a session that is what it compiled, and has the report") {
  auto const session = acme::cubic() | acme::differentiate{} | td::deploy<acme::Npu>();
  CHECK(std::is_same_v<decltype(session), td::session<acme::Npu> const>);
  CHECK(session(2.0) == 2 + 6 * 2 + 12 * 4);
  CHECK(session.size() == 3);
  REQUIRE(session.report().stages().size() == 2);
  CHECK(session.report().stages()[0].stage == "acme::differentiate");
  CHECK(session.report().stages()[1].stage == "deploy");
}

TEST_CASE("a backend is told its options, and sees what travels with the model") {
  CHECK((acme::cubic() | td::deploy<acme::Npu>({.scale = 10}))(1.0) == 100);
  td::record<acme::Polynomial> record;
  record.add_example(3);
  CHECK((acme::polynomial({1}, std::move(record)) | td::deploy<acme::Npu>())(1.0) == 3);
}

TEST_CASE("what a backend throws passes as it is") {
  CHECK_THROWS_AS(acme::polynomial({}) | td::deploy<acme::Npu>(), std::invalid_argument);
}

TEST_CASE("the first backend that is there and takes the format is taken") {
  using runtime = td::first_available<acme::Tpu, acme::Plotter, acme::Npu>;
  auto numbers = acme::cubic() | td::deploy<runtime>();
  CHECK(std::is_same_v<decltype(numbers), td::session<acme::Npu>>);
  CHECK(numbers(1.0) == 10);
  auto drawing = td::artifact<acme::Drawing>("a line") | td::deploy<runtime>();
  CHECK(std::is_same_v<decltype(drawing), td::session<acme::Plotter>>);
  CHECK(drawing() == "a line");
}

TEST_CASE("a recipe may end in a backend from another namespace, and nothing follows") {
  auto const recipe = acme::differentiate{} | td::deploy<acme::Npu>();
  CHECK(recipe(acme::cubic())(0.0) == 2);
  using session = td::session<acme::Npu>;
  CHECK(std::is_same_v<td::verdict<session, acme::differentiate>, td::nothing_pipes_after_deploy>);
  CHECK(std::is_same_v<td::verdict<decltype(recipe), acme::differentiate>, td::nothing_pipes_after_deploy>);
}

TEST_CASE("a backend that is not there can't be asked for") {
  CHECK(td::available<acme::Npu>);
  CHECK_FALSE(td::available<acme::Tpu>);
  CHECK_FALSE(td::available<td::first_available<acme::Tpu>>);
  CHECK_FALSE(std::is_invocable_v<decltype(td::deploy<acme::Tpu>)>);
  CHECK_FALSE(td::follows<td::deploy_t<acme::Npu>, td::artifact<acme::Drawing>>);
}

TEST_CASE("a format that only an absent backend takes is refused by the pipe") {
  using runtime = td::first_available<acme::Tpu, acme::Plotter>;
  CHECK_FALSE(td::follows<td::deploy_t<runtime>, acme::polynomial>);
}
