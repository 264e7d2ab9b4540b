#include <iostream>
#include <string_view>

#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

// [begin own_criterion]
namespace acme {

/// The least unlike the others of its row go first.
struct Unusual {
  static constexpr std::string_view name = "unusual";
  static at::Tensor importance(at::Tensor const& weight) {
    auto const rows = weight.flatten(1);
    return (rows - rows.mean(1, /*keepdim=*/true)).abs().view_as(weight);
  }
};

}  // namespace acme

int main() {
  auto model = td::load<td::TorchScript>("examples/data/digits_cnn.pt")                    //
               | td::prune<acme::Unusual>(0.3, {.layers = {"features.*"}})                 //
               | td::prune<td::L2>(0.25, {.dimension = 0, .layers = {"features.*"}})       //
               | td::prune<td::Random>(0.1, {.layers = {"classifier.*"}, .seed = 7});
  for (auto const& stage : model.report().stages())
    if (stage.stage == "prune") std::cout << stage.detail("criterion") << ' ' << stage.detail("sparsity") << '\n';
}
// [end own_criterion]
