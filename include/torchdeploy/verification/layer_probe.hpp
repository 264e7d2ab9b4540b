#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/detail/compiler_lock.hpp>
#include <torchdeploy/detail/libtorch/layers.hpp>
#include <torchdeploy/detail/libtorch/lstm_check.hpp>
#include <torchdeploy/detail/libtorch/quantization.hpp>
#include <torchdeploy/verification/outputs.hpp>

/// Looking into a model while it runs: operators of ours stand around its layers, in branches and loops too.
namespace torchdeploy::inline v0::detail {

/// One layer of a model that is looked into, and what the operators around it reach.
struct probed_layer {
  std::string name;              ///< as reports have it; empty where a file lost it
  std::string kind;              ///< "conv2d"
  std::string family;            ///< of kinds that one layer may have by another export
  layer first;                   ///< the first node of it
  std::vector<jit::Node*> uses;  ///< in the graph: several where a weight is shared

  std::size_t calls{};       ///< in the run that is on
  double milliseconds{};     ///< of all calls in the run that is on
  std::size_t turn{};        ///< when it was first reached; 0 if never
  std::size_t* turns{};      ///< how many layers were reached, of the model that it belongs to
  std::function<void(at::Tensor const&)> look{};  ///< what to do with its output, if anything
  std::chrono::steady_clock::time_point entered{};

  void leave() {
    milliseconds += std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - entered).count();
    ++calls;
    if (turn == 0) turn = ++*turns;
  }
};

inline void register_probe_operators() {
  using torch::jit::Stack;
  static auto const popped = [](Stack& stack) {
    return reinterpret_cast<probed_layer*>(torch::jit::pop(stack).toInt());
  };
  [[maybe_unused]] static bool const once = [] {
    register_operator("torchdeploy::enter_layer(int layer) -> ()",
                      [](Stack& stack) { popped(stack)->entered = std::chrono::steady_clock::now(); });
    register_operator("torchdeploy::leave_layer(int layer) -> ()", [](Stack& stack) { popped(stack)->leave(); });
    register_operator("torchdeploy::look_at_layer(Tensor x, int layer) -> ()", [](Stack& stack) {
      auto* const at = popped(stack);
      auto const x = torch::jit::pop(stack).toTensor();
      if (at->look) at->look(x);
    });
    return true;
  }();
}

/// What a layer is, whatever operator an export or an engine made of it: scripting leaves conv2d, tracing _convolution,
/// LibTorch's int8 engines quantized::conv2d_relu.
inline std::string family_of(std::string_view kind) {
  auto const begins = [&](std::string_view word) { return kind.starts_with(word); };
  if (begins("conv_transpose")) return "convolution";
  if (begins("conv") || begins("_convolution")) return "convolution";
  if (begins("linear") || kind == "addmm" || kind == "matmul" || kind == "mm") return "matrix product";
  return std::string(kind);
}

/// A layer's place without its operator: "layer1.0.conv1"; empty where nothing is known of it.
inline std::string module_place(jit::Node* node) {
  auto const place = place_of(node);
  auto const operation = operator_name(node).size();
  return place.size() > operation ? place.substr(0, place.size() - operation - 1) : std::string();
}

/// Int8 layers of a lowered model. They carry no name.
inline std::optional<layer> lowered_layer_at(jit::Node* node) {
  if (std::string_view(node->kind().ns().toUnqualString()) != "quantized") return std::nullopt;
  auto const kind = operator_name(node);
  bool const works = kind.starts_with("conv") || kind.starts_with("linear");
  bool const other = kind.find("pack") != kind.npos || kind.find("add") != kind.npos;
  if (!works || other || node->outputs().size() != 1) return std::nullopt;
  layer found;
  found.node = node;
  found.kind = kind;
  return found;
}

/// The one use of a value as a tensor: asking for its shape or dtype is none.
inline std::optional<jit::Use> only_use(jit::Value* value) {
  std::optional<jit::Use> only;
  for (auto const& use : value->uses()) {
    auto const outputs = use.user->outputs();
    bool const asks =
        use.user->blocks().empty() && !outputs.empty() &&
        std::none_of(outputs.begin(), outputs.end(), [](jit::Value* each) {
          return each->type()->isSubtypeOf(*c10::TensorType::get()) || each->type()->kind() == c10::TypeKind::TupleType;
        });
    if (asks && use.user->kind() != c10::prim::ListConstruct) continue;
    if (only) return std::nullopt;
    only = use;
  }
  return only;
}

/// Where a layer's output is comparable in all forms of a model. Folding a batch norm into the layer before it moves its
/// work there, so what both forms share is the output after it; a quantized model may hold a quantize/dequantize pair
/// between the two. A linear layer may be a product and the addition of its bias.
inline jit::Value* comparable_output(jit::Node* node) {
  jit::Value* const own = node->output(0);
  bool const product = operator_name(node) == "matmul" || operator_name(node) == "mm";
  for (auto* at = own;;) {
    auto const use = only_use(at);
    if (!use || use->offset != 0 || use->user->owningBlock() != node->owningBlock() || use->user->outputs().size() != 1)
      return own;
    auto const next = operator_name(use->user);
    if (next == "batch_norm") return use->user->output();
    if (product && next == "add" && at == own) {
      auto* const bias = use->user->input(1);
      bool const learned = path_of(bias) || bias->node()->kind() == c10::prim::Constant;
      return learned ? use->user->output() : own;
    }
    if (!next.starts_with("quantize_per_") && !is_operator(use->user, "aten::dequantize")) return own;
    at = use->user->output();
  }
}

/// A copy of a model, its calls inlined, with operators of ours before and behind each layer. It gives what the model
/// gives. Neither copied nor moved: its graph holds pointers to its layers.
class probed_model {
 public:
  explicit probed_model(jit::Module const& module) {
    register_probe_operators();
    compiler_lock const alone;
    module_ = with_checked_lstm(cloned(module));
    graph_ = module_.get_method("forward").graph();
    settle(*graph_, module_);
    for_each_node(*graph_, [&](jit::Node* node) {
      if (auto found = layer_at(node))
        add(*std::move(found));
      else if (auto packed = lowered_layer_at(node))
        add(*std::move(packed));
    });
    for (auto const& each : layers_)
      for (auto* node : each->uses) stand_around(node, *each);
  }
  probed_model(probed_model const&) = delete;
  probed_model& operator=(probed_model const&) = delete;

  [[nodiscard]] std::vector<std::unique_ptr<probed_layer>> const& layers() const { return layers_; }
  [[nodiscard]] jit::Module const& module() const { return module_; }

  /// On inputs that the caller made for this call.
  c10::IValue run(example const& own) {
    for (auto const& each : layers_) {
      each->calls = 0;
      each->milliseconds = 0;
    }
    c10::InferenceMode const inference;
    return module_.forward(own);
  }

 private:
  void add(layer found) {
    auto const name = found.constant ? module_place(found.node) : found.name;
    bool const lowered = found.name.empty();
    for (auto const& each : layers_) {
      // freezing pools equal constants, so a constant alone does not make two layers one
      if (lowered || each->name != name || !same_layer(each->first, found)) continue;
      each->uses.push_back(found.node);
      return;
    }
    auto made = std::make_unique<probed_layer>();
    made->name = name;
    made->kind = found.kind;
    made->family = family_of(found.kind);
    made->uses.push_back(found.node);
    made->turns = &turns_;
    made->first = std::move(found);
    layers_.push_back(std::move(made));
  }

  void call_before(jit::Node* where, char const* name, std::vector<jit::Value*> arguments, probed_layer& layer) {
    jit::WithInsertPoint const point(where);
    arguments.push_back(graph_->insertConstant(reinterpret_cast<std::int64_t>(&layer)));
    graph_->insertNode(graph_->create(c10::Symbol::fromQualString(name), arguments, 0));
  }
  void stand_around(jit::Node* node, probed_layer& layer) {
    auto* const output = node->output(0);
    bool const comparable = output->type()->kind() == c10::TypeKind::TensorType;
    auto* const shown = comparable ? comparable_output(node) : output;
    call_before(node, "torchdeploy::enter_layer", {}, layer);
    call_before(node->next(), "torchdeploy::leave_layer", {}, layer);
    if (!comparable) return;
    auto* const behind = shown == output ? node->next()->next()->next() : shown->node()->next();
    call_before(behind, "torchdeploy::look_at_layer", {shown}, layer);
  }

  jit::Module module_;
  std::shared_ptr<jit::Graph> graph_;
  std::size_t turns_{};
  std::vector<std::unique_ptr<probed_layer>> layers_;
};

/// Pairs of layers, by their index in either model.
struct layer_pairs {
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  std::string by;  ///< "name", "order"; empty when there is nothing in common
};

/// By the names of reports where these are there; where an export or a file lost them, by order, as long as both models
/// have the same kinds of layers in the same order.
inline layer_pairs paired(std::vector<std::unique_ptr<probed_layer>> const& a,
                          std::vector<std::unique_ptr<probed_layer>> const& b) {
  layer_pairs named{{}, "name"}, ordered{{}, "order"};
  std::vector<bool> taken(b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < b.size(); ++j) {
      if (taken[j] || a[i]->name.empty() || a[i]->name != b[j]->name || a[i]->family != b[j]->family) continue;
      taken[j] = true;
      named.pairs.emplace_back(i, j);
      break;
    }
  bool const all = !named.pairs.empty() && named.pairs.size() == std::min(a.size(), b.size());
  bool alike = !a.empty() && a.size() == b.size();
  for (std::size_t i = 0; alike && i < a.size(); ++i) {
    alike = a[i]->family == b[i]->family;
    ordered.pairs.emplace_back(i, i);
  }
  if (all || (!alike && !named.pairs.empty())) return named;
  return alike ? ordered : layer_pairs{};
}

}  // namespace torchdeploy::inline v0::detail
