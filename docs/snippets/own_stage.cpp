#include <iostream>

#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

// [begin]
namespace acme {

struct rounded {};  // a fact of our own

/// Round every weight to so many binary digits after the point.
struct round_weights_t : td::stage<round_weights_t> {
  using forbids = td::facts<td::frozen, td::optimized>;  // then there are no weights to be found
  using adds = td::facts<rounded>;  // `verified` is dropped, as by every stage that does not say otherwise
  static constexpr auto name = "acme::round_weights";

  int digits{};

  torch::jit::Module run(torch::jit::Module module, td::record<td::TorchScript>& record) const {
    at::NoGradGuard const no_grad;
    std::size_t count = 0;
    for (auto const& weight : module.parameters()) {
      weight.ldexp_(at::scalar_tensor(digits)).round_().ldexp_(at::scalar_tensor(-digits));
      ++count;
    }
    record.report.current().details.emplace_back("tensors", std::to_string(count));
    return module;
  }
};

struct round_weights_maker : td::stage_maker {
  auto operator()(int digits) const { return round_weights_t{{}, digits}; }
};
inline constexpr round_weights_maker round_weights{};

}  // namespace acme

int main() {
  auto model = td::load<td::TorchScript>("examples/data/digits_cnn.pt") | acme::round_weights(8) | td::freeze();
  auto const& entry = *model.report().find("acme::round_weights");
  std::cout << entry.stage << ": " << entry.detail("tensors") << " tensors\n";
  static_assert(td::same_facts<decltype(model)::known, td::facts<td::evaluating, td::frozen, acme::rounded>>);
}
// [end]
