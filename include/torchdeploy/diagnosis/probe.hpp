#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/detail/libtorch/failure.hpp>
#include <torchdeploy/detail/libtorch/without_onednn.hpp>
#include <torchdeploy/diagnosis/state.hpp>
#include <torchdeploy/format/torchscript.hpp>
#include <torchdeploy/quantization/lowering.hpp>
#include <torchdeploy/verification/outputs.hpp>
#include <torchdeploy/verification/runner.hpp>

/// Running a model to see what it does.
namespace torchdeploy::inline v0::detail {

/// What came of one call.
struct outcome {
  std::optional<c10::IValue> output{};  ///< nothing: it raised
  std::string raised{};                 ///< the operator; empty where none is known
  std::string failure{};                ///< "raises in view: shape '[2, 8]' is invalid for input of size 32"
};

/// The operator that raised: the trace of LibTorch's interpreter underlines it in the serialized code.
inline std::string raising_operator(std::exception const& thrown) {
  auto const* const torch_error = dynamic_cast<c10::Error const*>(&thrown);
  std::string text = torch_error ? torch_error->what_without_backtrace() : thrown.what();
  text.erase(std::min(text.find("of TorchScript, original code"), text.size()));
  auto const here = text.rfind("<--- HERE");
  if (here == std::string::npos) return {};
  auto const line = text.rfind('\n', here) + 1;
  auto const marks = text.find('~', line) - line;
  if (line < 2) return {};
  auto const above = text.rfind('\n', line - 2) + 1;
  auto code = text.substr(above, line - 1 - above);
  code.erase(0, std::min(marks, code.size()));
  code.erase(std::min(code.find_first_of("( ["), code.size()));
  return code.substr(code.rfind('.') + 1);
}

/// A copy to run. What was frozen in this process knows of each operator which functions it was inlined from, and LibTorch
/// 2.13 can die while it puts them into an error's text (a scripted MultiheadAttention, unoptimized, given a wrong size).
/// The copy knows of none but its own.
inline jit::Module runnable_copy(jit::Module const& module) {
  auto copy = TorchScript::clone(module);
  auto const method = copy.get_method("forward");
  for_each_node(*method.graph(), [&](jit::Node* node) {
    if (node->callstack())
      node->setCallStack(c10::make_intrusive<jit::InlinedCallStack>(&method.function(), node->sourceRange()));
  });
  return copy;
}

/// Runs copies of a model: in the form that leaves, each on tensors of its own. What keeps a state gets a fresh copy for
/// every call; what keeps none is copied once.
class prober {
 public:
  prober(torch::jit::Module const& module, record<TorchScript> const& record, jit::Graph& graph)
      : module_(module),
        record_(record),
        keeps_state_(!written_state(graph).empty()),
        has_lstm_(has_operator(graph, "aten::lstm")),
        dynamic_(record.extras.reference && record.extras.reference->type == torch::jit::QuantType::DYNAMIC) {}

  outcome operator()(example const& inputs) {
    return attempt([&] { return copy_of(inputs); });
  }

  /// The same on the caller's tensors, which the model may write to.
  outcome run(example const& inputs) {
    return attempt([&] { return inputs; });
  }

  /// Relative difference below which two outputs count as the same: rounding differs from one batch size to another, and
  /// a model quantized dynamically takes its ranges from the whole batch.
  [[nodiscard]] double tolerance() const { return dynamic_ ? 0.1 : 1e-3; }

 private:
  template <class Arguments>
  outcome attempt(Arguments const& arguments) {
    try {
      without_warnings const silence;
      without_onednn const checked(has_lstm_);
      // few calls of many sizes: MobileNetV2 takes 0.36 s, optimized 2.4 s
      torch::jit::GraphOptimizerEnabledGuard const optimized(false);
      if (!runner_ || keeps_state_) runner_.emplace(runnable_copy(TorchScript::leaving(module_, record_)));
      return {TorchScript::run(*runner_, arguments()), {}, {}};
    } catch (std::exception const& thrown) {
      auto const raised = raising_operator(thrown);
      return {std::nullopt, raised,
              (raised.empty() ? "raises: " : "raises in " + raised + ": ") + first_words(thrown).substr(0, longest)};
    }
  }

  static constexpr std::size_t longest = 120;
  torch::jit::Module const& module_;
  record<TorchScript> const& record_;
  bool keeps_state_, has_lstm_, dynamic_;
  std::optional<torch::jit::Module> runner_{};
};

/// All tensors of an output, in order.
inline void collect_tensors(c10::IValue const& value, std::vector<at::Tensor>& all) {
  if (value.isTensor()) {
    if (value.toTensor().defined()) all.push_back(value.toTensor());
  } else if (is_sequence(value)) {
    for (auto const& each : elements_of(value)) collect_tensors(each, all);
  } else if (value.isGenericDict()) {
    for (auto const& each : value.toGenericDict()) collect_tensors(each.value(), all);
  }
}
inline std::vector<at::Tensor> tensors_of(c10::IValue const& value) {
  std::vector<at::Tensor> all;
  collect_tensors(value, all);
  return all;
}

/// |a - b| / |b| in the Euclidean norm; infinity where the shapes differ.
inline double relative_difference(at::Tensor const& a, at::Tensor const& b) {
  if (a.sizes() != b.sizes()) return std::numeric_limits<double>::infinity();
  if (a.numel() == 0) return 0;
  auto const values = [](at::Tensor const& tensor) {
    auto all = plain(tensor);
    return (all.is_complex() ? at::view_as_real(all.to(at::kComplexDouble)) : all.to(at::kDouble)).nan_to_num(0, 0, 0);
  };
  auto const one = values(a), other = values(b);
  auto const size = other.norm().item<double>();
  auto const apart = (one - other).norm().item<double>();
  return apart == 0 ? 0 : size == 0 ? std::numeric_limits<double>::infinity() : apart / size;
}

/// The largest of all tensors of two outputs.
inline double relative_difference(std::vector<at::Tensor> const& a, std::vector<at::Tensor> const& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, relative_difference(a[i], b[i]));
  return most;
}

/// Other values from the same range: what was the largest is the smallest. Numbers of tokens stay within the vocabulary.
inline at::Tensor mirrored(at::Tensor const& x) {
  if (x.numel() == 0) return x.clone();
  if (x.scalar_type() == at::kBool) return x.logical_not();
  auto other = x.max() + x.min() - x;
  return other.to(x.scalar_type());
}

}  // namespace torchdeploy::inline v0::detail
