// A runtime that takes and gives tensors, without a library: TorchScript's results become a list by name.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/backend/results.hpp>
#include <torchdeploy/backend/tensor_model.hpp>
#include <torchdeploy/format/torchscript.hpp>

#include "support/models.hpp"

namespace toy {

/// What is done to each of the results.
struct options {
  std::function<at::Tensor(at::Tensor const&)> distort{};
  std::vector<std::string> names{};  ///< other names for the results, in this order of the model's own
  std::vector<std::size_t> order{};  ///< which result comes where
  std::vector<std::int64_t> shape{};  ///< of the first input, -1 where it is open
  std::string runs{};                 ///< written into the report
};

class executable {
 public:
  static constexpr std::string_view runtime = "Toy";

  executable(torch::jit::Module module, options told, std::size_t arguments, td::example const& sample)
      : module_(std::move(module)), told_(std::move(told)) {
    for (std::size_t i = 0; i < arguments; ++i) inputs_.push_back({.name = "input_" + std::to_string(i)});
    if (!told_.shape.empty()) inputs_.at(0).shape = told_.shape;
    for (auto const& each : leaves(sample)) outputs_.push_back({.name = each.name});
  }

  std::vector<td::tensor_info> const& inputs() const { return inputs_; }
  std::vector<td::tensor_info> const& outputs() const { return outputs_; }
  std::vector<std::string> state() const { return {}; }
  executable fork() const { return *this; }
  void run(std::span<at::Tensor const* const> given, std::span<at::Tensor> results) const {
    td::example inputs;
    for (auto const* each : given) inputs.emplace_back(*each);
    auto made = leaves(inputs);
    for (std::size_t i = 0; i < results.size(); ++i) results[i] = made.at(i).tensor;
  }

 private:
  std::vector<td::named_tensor> leaves(td::example const& inputs) const {
    std::vector<td::named_tensor> all, ordered;
    td::detail::flatten(test::forward(module_, inputs), all);
    for (std::size_t i = 0; i < all.size(); ++i) {
      auto each = all.at(told_.order.empty() ? i : told_.order.at(i));
      if (!told_.names.empty()) each.name = told_.names.at(i);
      if (told_.distort) each.tensor = told_.distort(each.tensor);
      ordered.push_back(std::move(each));
    }
    return ordered;
  }

  torch::jit::Module module_;
  options told_;
  std::vector<td::tensor_info> inputs_, outputs_;
};

/// Takes artifacts with an example.
struct Runtime {
  using consumes = td::TorchScript;
  using options = toy::options;
  static constexpr bool available = true;
  static td::tensor_model<executable> compile(torch::jit::Module const& module, td::record<td::TorchScript>& record,
                                              options const& told) {
    auto const lowered = td::TorchScript::leaving(module, record);
    if (!told.runs.empty()) record.report.current().details.emplace_back("runs", told.runs);
    return td::tensor_model(executable(lowered, told, record.examples.at(0).size(), record.examples.at(0)));
  }
};

}  // namespace toy
