// What the fixture models take, by name: Python's references say it of most.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "support/models.hpp"

namespace test {

using samples = std::vector<td::example>;

/// What the models take that Python's references say nothing of.
inline std::map<std::string, samples> own_samples() {
  auto const of = [](std::vector<std::int64_t> const& shape, int count = 3) {
    samples all;
    for (auto const& each : noise(shape, count)) all.push_back({each});
    return all;
  };
  return {
      {"digits_cnn", of({4, 1, 8, 8})},
      {"digits_cnn_traced", of({4, 1, 8, 8})},
      {"pnet", of({2, 3, 24, 24})},
      {"rnet", of({2, 3, 24, 24})},
      {"onet", of({2, 3, 48, 48})},
      {"onet_traced", of({2, 3, 48, 48})},
      {"resnet18", of({1, 3, 64, 64}, 1)},
      {"resnet18_traced", of({1, 3, 64, 64}, 1)},
      {"mobilenet_v2", of({1, 3, 64, 64}, 1)},
      {"silero_vad", {{at::zeros({1, 512}), 16000}}},
      {"control_flow_scripted", {{at::ones({2, 16})}, {-at::ones({2, 16})}}},
  };
}

/// Every fixture model with its samples.
inline std::map<std::string, samples> all_models() {
  auto models = own_samples();
  for (auto const& each : reference("zoo").toGenericDict()) {
    samples given;
    for (auto const& input : list_at(each.value(), "inputs")) given.push_back({input});
    models.try_emplace(each.key().toStringRef(), std::move(given));
  }
  return models;
}

}  // namespace test
