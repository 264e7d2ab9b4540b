#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <torchdeploy/detail/compiler_lock.hpp>
#include <torchdeploy/detail/libtorch/model_graph.hpp>
#include <torchdeploy/detail/libtorch/operator.hpp>

/// LibTorch gives an LSTM to oneDNN without a check of its sizes, and a trace has lost the checks that Python made: with other
/// features than its weights have, or states of two rows for a batch of four, it reads and writes past the end (NaN, or a
/// heap that is corrupt calls later). So what is to run has the sizes compared before each aten::lstm.
namespace torchdeploy::inline v0::detail {

/// The arguments of aten::lstm.input, as they lie on the stack.
struct lstm_arguments {
  static constexpr std::size_t count = 9;

  explicit lstm_arguments(torch::jit::Stack const& stack) : first_(stack.data() + stack.size() - count) {}
  [[nodiscard]] at::Tensor const& input() const { return first_[0].toTensor(); }
  [[nodiscard]] std::vector<at::Tensor> states() const { return first_[1].toTensorVector(); }
  [[nodiscard]] std::vector<at::Tensor> weights() const { return first_[2].toTensorVector(); }
  [[nodiscard]] bool has_biases() const { return first_[3].toBool(); }
  [[nodiscard]] std::int64_t layers() const { return first_[4].toInt(); }
  [[nodiscard]] std::int64_t directions() const { return first_[7].toBool() ? 2 : 1; }
  [[nodiscard]] std::int64_t batch_dimension() const { return first_[8].toBool() ? 0 : 1; }

 private:
  c10::IValue const* first_;
};

/// Throws for sizes that do not fit each other where oneDNN might be asked; other kernels of LibTorch's look themselves.
inline void check_lstm(torch::jit::Stack const& stack) {
  lstm_arguments const given(stack);
  auto const& input = given.input();
  if (!input.defined() || !input.is_cpu() || input.is_quantized()) return;
  auto const demand = [](at::IntArrayRef expected, at::Tensor const& got, char const* what) {
    if (!got.defined() || got.sizes() != expected)
      throw std::runtime_error(std::string("an LSTM expected ") + what + " of " + c10::str(expected) + ", got " +
                               (got.defined() ? c10::str(got.sizes()) : "none"));
  };
  auto const states = given.states();
  auto const weights = given.weights();
  auto const per_direction = std::size_t{given.has_biases() ? 4U : 2U};
  auto const rows = given.layers() * given.directions();
  if (states.size() != 2 || states[0].dim() != 3 || states[1].dim() != 3) return;
  auto const hidden = states[1].size(2);
  if (states[0].size(2) != hidden) return;  // with a projection, which oneDNN does not have
  if (input.dim() != 3)
    throw std::runtime_error("an LSTM expected an input of 3 dimensions, got " + c10::str(input.sizes()));
  if (rows < 1 || weights.size() != static_cast<std::size_t>(rows) * per_direction)
    throw std::runtime_error("an LSTM expected another number of weights than " + std::to_string(weights.size()));
  auto const batch = input.size(given.batch_dimension());
  auto features = input.size(2);
  if (weights[0].dim() == 2 && weights[0].size(1) != features)
    throw std::runtime_error("an LSTM expected " + std::to_string(weights[0].size(1)) + " features, got " +
                             std::to_string(features));
  for (auto const& each : states) demand({rows, batch, hidden}, each, "states");
  for (std::size_t at = 0; at < weights.size(); at += per_direction) {
    if (at == per_direction * static_cast<std::size_t>(given.directions())) features = hidden * given.directions();
    demand({4 * hidden, features}, weights[at], "weights");
    demand({4 * hidden, hidden}, weights[at + 1], "weights");
    for (auto bias = at + 2; bias < at + per_direction; ++bias) demand({4 * hidden}, weights[bias], "a bias");
  }
}

inline void register_lstm_check() {
  [[maybe_unused]] static bool const once = [] {
    register_operator(
        "torchdeploy::check_lstm(Tensor input, Tensor[] hx, Tensor[] params, bool has_biases, int num_layers, float "
        "dropout, bool train, bool bidirectional, bool batch_first) -> ()",
        [](torch::jit::Stack& stack) {
          check_lstm(stack);
          torch::jit::drop(stack, lstm_arguments::count);
        });
    return true;
  }();
}

/// Its other overload, of packed sequences, is not for oneDNN.
inline bool is_lstm_of_tensors(jit::Node* node) {
  return is_operator(node, "aten::lstm") && node->inputs().size() == lstm_arguments::count &&
         node->input(1)->type()->kind() == c10::TypeKind::ListType;
}

/// Does this code, or what it calls, hold an LSTM?
class lstm_search {
 public:
  bool operator()(jit::Module const& module) {
    for (auto const& each : module.modules())
      for (auto const& method : each.get_methods())
        if ((*this)(method.function())) return true;
    return false;
  }

 private:
  bool operator()(jit::Function& function) {
    auto* const code = jit::tryToGraphFunction(function);
    return code && in(*code->graph());
  }
  bool in(jit::Graph& graph) {
    if (!seen_.insert(&graph).second) return false;
    bool found = false;
    for_each_node(graph, [&](jit::Node* node) {
      if (found) return;
      found = is_lstm_of_tensors(node);
      if (node->hasAttribute(c10::attr::Subgraph)) found = in(*node->g(c10::attr::Subgraph));
      if (node->kind() == c10::prim::CallFunction)
        found = (*this)(*node->input(0)->type()->expectRef<c10::FunctionType>().function());
      if (auto const type =
              node->kind() == c10::prim::CallMethod ? node->input(0)->type()->cast<c10::ClassType>() : nullptr)
        if (auto* const method = type->findMethod(node->s(c10::attr::name))) found = (*this)(*method);
    });
    return found;
  }

  std::unordered_set<jit::Graph*> seen_;
};

inline void insert_lstm_checks(jit::Graph& graph) {
  std::vector<jit::Node*> all;
  for_each_node(graph, [&](jit::Node* node) {
    if (is_lstm_of_tensors(node)) all.push_back(node);
    if (!node->hasAttribute(c10::attr::Subgraph)) return;
    auto own = node->g(c10::attr::Subgraph)->copy();  // copies of a graph share these
    insert_lstm_checks(*own);
    node->g_(c10::attr::Subgraph, std::move(own));
  });
  for (auto* each : all) {
    jit::WithInsertPoint const before(each);
    auto* const check = graph.create(c10::Symbol::fromQualString("torchdeploy::check_lstm"), each->inputs(), 0);
    graph.insertNode(check)->copyMetadata(each);
  }
}

/// The module, to be run and not to be written: where it has an LSTM its code is a copy with checks, the data are shared.
/// A check took 0.9 us, a call with the smallest LSTM 440 us (of two rows and five steps, on a busy machine).
inline jit::Module with_checked_lstm(jit::Module const& module) {
  compiler_lock const alone;
  if (!lstm_search()(module)) return module;
  register_lstm_check();
  auto copy = module.clone(/*inplace=*/true);
  std::vector<std::shared_ptr<jit::Graph>> graphs;
  for (auto const& each : copy.modules())
    for (auto const& method : each.get_methods()) graphs.push_back(method.graph());
  std::unordered_set<jit::Graph*> done;
  for (auto const& each : graphs) jit::Inline(*each);
  for (auto const& each : graphs)
    if (done.insert(each.get()).second) insert_lstm_checks(*each);
  return copy;
}

}  // namespace torchdeploy::inline v0::detail
