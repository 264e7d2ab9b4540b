// The same model in several runtimes, and what its layers are called there.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/verification/layer_score.hpp>

#include "support/models.hpp"

namespace test {

inline auto with_examples(std::string const& name, td::samples inputs) {
  return td::load<td::TorchScript>(test::model_path(name), {.examples = std::move(inputs)});
}
inline std::string onnx_path(std::string const& name) { return TORCHDEPLOY_MODELS "/onnx/" + name + ".onnx"; }
inline std::vector<at::Tensor> images() { return test::digits(12).split(4); }

inline td::samples inputs_of(std::string const& name) {
  if (name == "digits_cnn") return images();
  if (name == "onet") return test::noise({2, 3, 48, 48}, 2);
  if (name == "embedding_mlp") return std::vector{at::randint(0, 50, {2, 6}), at::randint(0, 50, {2, 6})};
  return test::noise({2, 16}, 3);
}

/// One value of one layer is wrong.
template <class A>
A broken(A const& model, std::string const& parameter) {
  auto copy = model.clone();
  auto const parameters = copy.handle().named_parameters();
  for (auto const& each : parameters)
    if (each.name == parameter) {
      at::NoGradGuard const no_grad;
      each.value.view(-1)[1] += 0.5;
    }
  return copy;
}

inline std::vector<std::string> names_of(std::vector<td::layer_score> const& layers) {
  std::vector<std::string> all;
  for (auto const& each : layers)
    if (each.kind != "output") all.push_back(each.name);
  return all;
}

}  // namespace test
