#include <iostream>
#include <utility>
#include <vector>

#include <torchdeploy/backend/backend.hpp>

namespace td = torchdeploy;

// [begin]
namespace acme {

struct Polynomial {  // a format: what a model is in memory
  using handle = std::vector<double>;
};

struct program {  // what the backend makes of it: any callable
  std::vector<double> coefficients;
  double scale;
  double operator()(double x) const {
    double sum = 0;
    for (auto c = coefficients.rbegin(); c != coefficients.rend(); ++c) sum = sum * x + *c;
    return scale * sum;
  }
};

struct Npu {
  using consumes = Polynomial;
  static constexpr bool available = true;
  struct options {
    double scale = 1;
  };
  static program compile(Polynomial::handle handle, td::record<Polynomial> const&, options const& told) {
    return {std::move(handle), told.scale};
  }
};

struct Tpu {  // not in this build: declared is enough
  using consumes = Polynomial;
  static constexpr bool available = false;
  struct options {};
  static program compile(Polynomial::handle, td::record<Polynomial> const&, options const&);
};

}  // namespace acme

int main() {
  td::artifact<acme::Polynomial> cubic({1, 2, 3, 4});
  auto const session = cubic.clone() | td::deploy<acme::Npu>({.scale = 10});
  std::cout << session(2.0) << '\n';

  auto const first = std::move(cubic) | td::deploy<td::first_available<acme::Tpu, acme::Npu>>();
  std::cout << first(2.0) << ' ' << first.report().stages().size() << '\n';
}
// [end]
