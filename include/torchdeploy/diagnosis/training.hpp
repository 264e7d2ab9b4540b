#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <torchdeploy/diagnosis/inspected.hpp>

/// Training that was left on, and what only training needs.
namespace torchdeploy::inline v0::detail {

/// `module.eval()` repairs this one.
inline void find_train_mode_flag(jit::Module const& module, std::vector<finding>& found) {
  for (auto const& each : module.modules())
    if (each.hasattr("training") && each.attr("training").isBool() && each.attr("training").toBool()) {
      found.push_back({"train-mode-flag", severity::warning, "forward", "the model was saved in train mode",
                       "it was put into evaluation mode; call eval() before exporting"});
      return;
    }
}

enum class training_kind { none, of_the_mode, of_the_batch };

/// Does the operator do what it does in training, told so by a constant, which `eval()` can't reach? A probability of zero
/// drops nothing. A norm without running statistics has only those of the batch, in either mode.
inline training_kind trains(jit::Node const* node) {
  auto const is = [&](std::string_view argument) {
    auto const value = constant_argument(node, argument);
    return value && value->isBool() && value->toBool();
  };
  auto const is_zero = [&](std::string_view argument) {
    auto const value = constant_argument(node, argument);
    return value && value->isDouble() && value->toDouble() == 0;
  };
  auto const has_no = [&](std::string_view argument) {
    auto const value = constant_argument(node, argument);
    return value && value->isNone();
  };
  auto const kind = operator_name(node);
  if (kind.ends_with("instance_norm"))  // never of the batch: each image has statistics of its own
    return is("use_input_stats") && !has_no("running_mean") ? training_kind::of_the_mode : training_kind::none;
  if (kind.find("scaled_dot_product") != kind.npos) {
    auto const dropped = constant_argument(node, "dropout_p");
    return dropped && dropped->isDouble() && dropped->toDouble() > 0 ? training_kind::of_the_mode : training_kind::none;
  }
  if (!is("training") && !is("train")) return training_kind::none;
  if (kind.find("batch_norm") != kind.npos)
    return has_no("running_mean") ? training_kind::of_the_batch : training_kind::of_the_mode;
  return is_zero("p") || is_zero("dropout") ? training_kind::none : training_kind::of_the_mode;
}

/// Only the outermost block is looked at: a trace has no branches, and scripted code may well say `dropout(x, p, True)`
/// behind an `if p > 0` that evaluation never enters.
inline void find_training_constants(inspected const& in, std::vector<finding>& found) {
  std::vector<jit::Node*> training, batch;
  for (jit::Node* node : in.graph->nodes()) {
    auto const kind = trains(node);
    if (kind == training_kind::of_the_mode) training.push_back(node);
    if (kind == training_kind::of_the_batch) batch.push_back(node);
  }
  if (!training.empty()) {
    auto const count = std::to_string(training.size());
    if (is_traced(training.front()) || is_traced(in))
      found.push_back(
          {"train-mode-trace", severity::fault, where(training.front()),
           "the model was traced in train mode: " + count + " operator(s) still train, and eval() can't reach them",
           "trace it again after eval()"});
    else
      found.push_back({"always-training", severity::fault, where(training.front()),
                       count + " operator(s) train in evaluation mode too: 'training' is the constant True",
                       "F.dropout(x, p, training=self.training), or a torch.nn.Dropout module"});
  }
  if (!batch.empty())
    found.push_back({"batch-statistics", severity::warning, where(batch.front()),
                     std::to_string(batch.size()) + " batch norm(s) without running statistics: each row's output " +
                         "depends on the others in its batch",
                     "train with track_running_stats=True, or use GroupNorm"});
}

/// What needs gradients while it runs: sessions run in `c10::InferenceMode`, which has none.
inline void find_gradients(inspected const& in, std::vector<finding>& found) {
  static constexpr std::array needing = {"requires_grad_", "requires_grad", "backward", "grad", "enable_grad"};
  for_each_node(*in.graph, [&](jit::Node* node) {
    std::string_view const qualified = node->kind().toQualString();
    bool needs = (is_aten(node) || qualified.starts_with("torch::autograd")) &&
                 std::any_of(needing.begin(), needing.end(),
                             [&](std::string_view each) { return qualified.substr(qualified.rfind(':') + 1) == each; });
    if (is_operator(node, "aten::set_grad_enabled")) {
      auto const on = jit::toIValue(node->input(0));
      needs = on && on->isBool() && on->toBool();
    }
    if (node->kind() == c10::prim::CreateObject && node->output()->type()->str().ends_with("enable_grad")) needs = true;
    if (needs)
      found.push_back({"gradients-inside", severity::warning, where(node),
                       "the model asks for gradients while it runs, and inference has none",
                       "leave enable_grad, requires_grad_ and backward out of what is exported"});
  });
}

inline void find_parameters_with_gradients(jit::Module const& module, std::vector<finding>& found) {
  std::vector<std::string> names;
  for (auto const& each : module.named_parameters(true))
    if (each.value.requires_grad()) names.push_back(each.name);
  if (!names.empty())
    found.push_back({"requires-grad", severity::note, names.front(),
                     std::to_string(names.size()) + " parameter(s) still require gradients",
                     "harmless in a session; with torch::jit by hand, call it under InferenceMode"});
}

}  // namespace torchdeploy::inline v0::detail
