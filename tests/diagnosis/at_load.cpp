#include <torchdeploy/diagnosis/at_load.hpp>

#include "support/models.hpp"

TEST_CASE("load reports warnings and faults alone, and no model of ours but the wrong ones has any") {
  for (auto const* name :
       {"prepared_wrong", "state_wrong", "weights_wrong", "unused_wrong", "len_wrong", "lstm_right", "random_wrong"}) {
    INFO(name);
    CHECK(td::load<td::TorchScript>(TORCHDEPLOY_MODELS "/pitfalls/" + std::string(name) + ".pt")
              .report()
              .findings()
              .empty());
  }
  for (auto const* name :
       {"device_wrong", "double_wrong", "dropout_wrong", "statistics_wrong", "gradients_wrong", "train_wrong"}) {
    INFO(name);
    auto const found =
        td::load<td::TorchScript>(TORCHDEPLOY_MODELS "/pitfalls/" + std::string(name) + ".pt").report().findings();
    REQUIRE_FALSE(found.empty());
    for (auto const& each : found) CHECK(each.level != td::severity::note);
  }
}
