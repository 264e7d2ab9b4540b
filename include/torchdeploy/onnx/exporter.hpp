#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/failure.hpp>
#include <torchdeploy/diagnosis/state.hpp>
#include <torchdeploy/onnx/call.hpp>
#include <torchdeploy/onnx/containers.hpp>
#include <torchdeploy/onnx/lowering_table.hpp>
#include <torchdeploy/onnx/running.hpp>
#include <torchdeploy/onnx/symbolic.hpp>
#include <torchdeploy/onnx/views.hpp>
#include <torchdeploy/openvino/layer_path.hpp>

/// From a graph to ONNX in one pass: each node is run, on two sets of inputs of different sizes, and written. What depends on
/// no input, or on sizes that were the same in both, is a constant: shape arithmetic, branches over it and loops fold away, and
/// what is left is what the model computes.
namespace torchdeploy::inline v0::detail {

/// Calls of operators: nodes, and how often each ran before.
using calls_of_nodes = std::set<std::pair<jit::Node const*, std::size_t>>;

class onnx_exporter {
 public:
  /// `open_calls`: those of which it is known that what they give differs between sizes; more are added.
  onnx_exporter(onnx_builder& onnx, onnx_lowerings const& own, calls_of_nodes& open_calls, evaluation of_data)
      : onnx_(onnx), own_(own), open_calls_(open_calls), runner_(of_data) {}

  /// Runs the graph. `inputs`: a symbol for each, `self` first. Its results, and in `missing()` what could not be written.
  symbol run(jit::Graph& graph, std::vector<symbol> const& inputs) {
    for_each_node(graph, [&](jit::Node* node) { writes_ = writes_ || is_writing(node); });
    for (std::size_t i = 0; i < inputs.size(); ++i) known_[graph.inputs()[i]] = inputs[i];
    run(graph.block());
    return known_.at(graph.outputs()[0]);
  }
  [[nodiscard]] std::vector<missing_operator> const& missing() const { return missing_; }
  [[nodiscard]] std::vector<std::string> const& notes() const { return notes_; }
  [[nodiscard]] double evaluation_seconds() const { return runner_.seconds(); }

  /// What stands for a tensor or number in ONNX.
  onnx_value read(symbol const& value) {
    refresh(value);
    if (value->value) return value->value;
    auto const& seen = value->seen[0];
    if (dependence_of(value) != dependence::none || is_container(seen) || seen.isNone())
      throw export_error(errc::not_exportable, "expected a tensor or number, got " + seen.tagKind());
    if (!seen.isTensor())
      return onnx_.constant(at::scalar_tensor(seen.toScalar(), onnx_call::dtype_of(seen)).reshape({1}));
    auto const tensor = dense(seen.toTensor(), value->name);
    // what is written to later is kept as it is now
    return onnx_.constant(writes_ && !value->is_state ? tensor.clone() : tensor, value->name);
  }

 private:
  using values = onnx_results_of_runs;

  static at::Tensor dense(at::Tensor const& tensor, std::string const& name) {
    if (tensor.layout() == at::kStrided && !tensor.is_quantized()) return tensor;
    throw export_error(errc::not_exportable, "expected plain dense tensors, got " +
                                                 std::string(tensor.is_quantized() ? "a quantized" : "a sparse") +
                                                 " one" + (name.empty() ? "" : " as '" + name + "'"));
  }

  // --- running -----------------------------------------------------------------------------------------------------
  void run(jit::Block* block) {
    for (auto* node : block->nodes()) {
      onnx_.at_layer(layer_path(node));
      run(node);
      drop_inputs(node);
    }
  }

  /// Memory: what no later node reads is let go.
  void drop_inputs(jit::Node* node) {
    for (auto* input : node->inputs())
      if (input->node()->owningBlock() == node->owningBlock() && input->node()->kind() != c10::prim::Param &&
          is_last_use(input, node))
        known_.erase(input);
  }
  static bool is_last_use(jit::Value* value, jit::Node* node) {
    constexpr std::size_t many = 64;  // to look at all uses of such a value at each would take long
    return value->uses().size() < many &&
           std::all_of(value->uses().begin(), value->uses().end(), [&](jit::Use const& use) {
             return use.user == node || (use.user->kind() != c10::prim::Return && use.user->isBefore(node));
           });
  }

  void run(jit::Node* node) {
    auto const kind = node->kind();
    if (kind == c10::prim::Constant) {
      auto const value = jit::toIValue(node->output()).value();
      auto constant = constant_symbol(value, value);
      constant->is_state = true;
      known_[node->output()] = std::move(constant);
      return;
    }
    std::vector<symbol> inputs;
    inputs.reserve(node->inputs().size());
    for (auto* each : node->inputs()) inputs.push_back(known_.at(each));
    if (kind == c10::prim::If) return branch(node, inputs[0]);
    if (kind == c10::prim::Loop) return loop(node, inputs);
    if (settle(node, inputs)) return;
    call(node, inputs);
  }

  /// Attributes, containers, and what is there for the interpreter alone.
  bool settle(jit::Node* node, std::vector<symbol> const& inputs) {
    auto const kind = node->kind();
    if (kind == c10::prim::Print || is_operator(node, "aten::warn")) return true;
    if (kind == c10::prim::SetAttr)
      refuse_call(node, "the model keeps a state: it writes '" + node->s(c10::attr::name) + "'",
                  "take the state as an argument and return it");
    bool const same = kind == c10::prim::unchecked_cast || kind == c10::prim::unchecked_unwrap_optional ||
                      is_operator(node, "aten::_unwrap_optional");
    std::optional<std::vector<symbol>> results;
    if (kind == c10::prim::GetAttr)
      results = {attribute(node, inputs[0])};
    else if (kind == c10::prim::Uninitialized)
      results = {constant_symbol({}, {})};
    else if (same)
      results = {inputs[0]};
    else
      results = container_operator(node, inputs, [&] { return runner_(node, inputs, dependence::sizes); }).results();
    if (!results) return false;
    for (std::size_t i = 0; i < node->outputs().size(); ++i) known_[node->output(i)] = std::move((*results)[i]);
    return true;
  }

  symbol attribute(jit::Node* node, symbol const& object) {
    auto const& name = node->s(c10::attr::name);
    if (!object->seen[0].isObject())
      refuse_call(node, "expected an attribute of the model, got one of " + object->seen[0].tagKind());
    auto const value = object->seen[0].toObjectRef().getAttr(name);
    auto path = object->name.empty() ? name : object->name + "." + name;
    // one symbol for an attribute, however often it is read: it may be written to
    auto& known = attributes_[path];
    if (!known) {
      known = constant_symbol(value, value);
      known->name = std::move(path);
      known->is_state = true;
    }
    return known;
  }

  // --- branches and loops ------------------------------------------------------------------------------------------
  void branch(jit::Node* node, symbol const& condition) {
    if (dependence_of(condition) == dependence::none) {
      auto* const taken = node->blocks()[condition->seen[0].toBool() ? 0 : 1];
      run(taken);
      for (std::size_t i = 0; i < node->outputs().size(); ++i) known_[node->output(i)] = known_.at(taken->outputs()[i]);
      return;
    }
    for (std::size_t i = 0; i < 2; ++i)
      if (ends_in_error(node->blocks()[i])) {  // a check of the inputs, which ONNX has no operator for
        notes_.push_back("a check of the inputs is left out (" + where(node) + ")");
        auto* const other = node->blocks()[1 - i];
        run(other);
        for (std::size_t j = 0; j < node->outputs().size(); ++j)
          known_[node->output(j)] = known_.at(other->outputs()[j]);
        return;
      }
    write_branches(node, condition);
  }

  void write_branches(jit::Node* node, symbol const& condition) {
    auto const chosen = read(condition);
    std::array<std::shared_ptr<onnx_subgraph>, 2> branches;
    std::array<std::vector<symbol>, 2> results;
    for (std::size_t i = 0; i < 2; ++i) {
      bool writes = false;
      for_each_node(node->blocks()[i], [&](jit::Node* inner) { writes = writes || is_writing(inner); });
      if (writes) refuse_call(node, "a branch that depends on the inputs writes to a tensor or list in place");
      onnx_.begin_branch();
      run(node->blocks()[i]);
      std::vector<onnx_value> outputs;
      for (auto* each : node->blocks()[i]->outputs()) {
        auto const& value = known_.at(each);
        if (is_container(value->seen[0]) || value->seen[0].isNone())
          refuse_call(node, "a branch that depends on the inputs gives a " + value->seen[0].tagKind());
        results[i].push_back(value);
        // what a branch gives is to be made in it
        outputs.push_back(onnx_.identity(read(value)));
      }
      branches[i] = onnx_.end_branch(std::move(outputs));
    }
    std::vector<onnx_value> const made =
        onnx_.emit_many("If", {onnx_.cast(chosen, onnx_call::dtype_of(condition->seen[0]), at::kBool)},
                        node->outputs().size(), {{"then_branch", branches[0]}, {"else_branch", branches[1]}});
    for (std::size_t i = 0; i < node->outputs().size(); ++i) {
      auto const& first = results[0][i]->seen[0];
      auto const& second = results[1][i]->seen[0];
      if (onnx_call::dtype_of(first) != onnx_call::dtype_of(second) ||
          (first.isTensor() && first.toTensor().dim() != second.toTensor().dim()))
        refuse_call(node, "its branches give tensors of different dtype or rank");
      auto result = std::make_shared<symbolic>();
      for (std::size_t run = 0; run < 2; ++run)
        result->seen[run] = results[condition->seen[run].toBool() ? 0 : 1][i]->seen[run];
      result->depends_on = dependence_of(condition);
      for (auto const& side : results) result->depends_on = std::max(result->depends_on, dependence_of(side[i]));
      result->value = made[i];
      result->sized_by_data = first.isTensor() && first.toTensor().sizes() != second.toTensor().sizes();
      for (auto const& side : results) result->sized_by_data = result->sized_by_data || side[i]->sized_by_data;
      known_[node->output(i)] = std::move(result);
    }
  }

  void loop(jit::Node* node, std::vector<symbol> const& inputs) {
    auto* const body = node->blocks()[0];
    auto const turns = constant_integer(node, inputs[0]);
    std::vector<symbol> carried(inputs.begin() + 2, inputs.end());
    symbol condition = inputs[1];
    for (std::int64_t turn = 0; turn < turns && constant_flag(node, condition); ++turn) {
      constexpr std::int64_t most = 10'000;
      if (turn == most) refuse_call(node, "expected a loop of 10,000 turns at most");
      known_[body->inputs()[0]] = constant_symbol(turn, turn);
      for (std::size_t i = 0; i < carried.size(); ++i) known_[body->inputs()[i + 1]] = carried[i];
      run(body);
      condition = known_.at(body->outputs()[0]);
      for (std::size_t i = 0; i < carried.size(); ++i) carried[i] = known_.at(body->outputs()[i + 1]);
    }
    for (std::size_t i = 0; i < carried.size(); ++i) known_[node->output(i)] = carried[i];
  }

  // --- operators ---------------------------------------------------------------------------------------------------
  void call(jit::Node* node, std::vector<symbol> const& inputs) {
    auto depends_on = dependence::none;
    for (auto const& each : inputs) depends_on = std::max(depends_on, dependence_of(each));
    bool const sized_by_data = depends_on == dependence::data && is_sized_by_data(node, inputs);
    if (asks_for_sizes(node) && !(sized_by_data && asks_for_a_size(node)))
      depends_on = std::min(depends_on, dependence::sizes);
    if (node->outputs().size() == 1 && node->output()->type()->kind() == c10::TypeKind::StringType)
      depends_on = dependence::none;  // for messages of errors

    std::optional<std::size_t> target;  // what it writes to
    if (auto const* const schema = node->maybeSchema(); schema && writes_)
      for (std::size_t i = 0; i < std::min(inputs.size(), schema->arguments().size()); ++i)
        if (writes(*schema, i) && inputs[i]->seen[0].isTensor()) target = i;
    if (target && reshapes_in_place(node)) refuse_call(node, "it changes the shape in place", "x = x.unsqueeze(0)");
    if (target && root_of(inputs[*target]).is_state)
      refuse_call(node, "the model keeps a state: it writes " + state_name(root_of(inputs[*target]).name),
                  "take the state as an argument and return it");

    if (target && depends_on != dependence::none)  // a constant is read before the operator, run as it is, writes to it
      for (auto const* at = &inputs[*target];; at = &(*at)->view->base) {
        read(*at);
        if (!(*at)->view) break;
      }
    if (sized_by_data) runner_.demand_values();
    auto const results = runner_(node, inputs, writes_ ? std::max(depends_on, dependence::sizes) : depends_on);
    if (std::pair const call(node, calls_[node]++); depends_on == dependence::sizes) {
      if (!is_same(results))
        open_calls_.insert(call);
      else if (!open_calls_.contains(call))
        depends_on = dependence::none;
      if (depends_on == dependence::none && judges_open_sizes(inputs, results))
        notes_.push_back("judged for sizes like the example's: " + described(node));
    }
    if (target) return write(node, inputs, *target, depends_on, results);

    auto const constant = depends_on == dependence::none;
    bind(node, inputs, results, depends_on, constant ? onnx_results() : lower(node, inputs, results), sized_by_data);
  }

  void bind(jit::Node* node, std::vector<symbol> const& inputs, values const& results, dependence depends_on,
            std::vector<onnx_value> const& lowered, bool sized_by_data) {
    for (std::size_t i = 0; i < node->outputs().size(); ++i) {
      auto made = constant_symbol(results[0].at(i), results[1].at(i));
      made->depends_on = depends_on;
      if (is_container(made->seen[0])) {
        if (made->seen[0].isList() && made->seen[0].toListRef().size() != made->seen[1].toListRef().size())
          refuse_call(node, "how many tensors it gives depends on the sizes of the inputs");
        auto& all = elements_of(made);
        for (std::size_t j = 0; j < all.size(); ++j) {
          if (depends_on != dependence::none && j < lowered.size()) all[j]->value = lowered[j];
          all[j]->sized_by_data = sized_by_data && has_dimensions(all[j]);
          look_at(all[j], node, inputs, j);
        }
      } else {
        if (i < lowered.size()) made->value = lowered[i];
        made->sized_by_data = sized_by_data && has_dimensions(made);
        look_at(made, node, inputs, i);
      }
      known_[node->output(i)] = std::move(made);
    }
  }

  /// Is it a view? Where nothing writes, nobody can tell.
  void look_at(symbol const& made, jit::Node* node, std::vector<symbol> const& inputs, std::size_t output) {
    if (!writes_ || !made->seen[0].isTensor() || !made->seen[0].toTensor().defined()) return;
    for (auto const& each : inputs)
      if (each->seen[0].isTensor() && each->seen[0].toTensor().defined() &&
          made->seen[0].toTensor().is_alias_of(each->seen[0].toTensor())) {
        made->view = onnx_view{each, node, inputs, output, root_of(each).version};
        made->is_state = root_of(each).is_state;
        return;
      }
  }

  std::vector<onnx_value> lower(jit::Node* node, std::vector<symbol> const& inputs, values const& results) {
    auto const found = lowering_of(node, own_);
    auto const& name = found.name;
    onnx_call::reader const read_value = [this](symbol const& each) { return read(each); };
    if (found.lower) return found.lower(onnx_call(onnx_, node, name, inputs, results, read_value));
    if (std::none_of(missing_.begin(), missing_.end(), [&](auto const& each) { return each.name == name; }))
      missing_.push_back({name, described(node)});
    std::size_t outputs = results[0].size();  // go on, to find what else is missing
    if (outputs == 1 && is_container(results[0][0]))
      outputs = results[0][0].isList() ? results[0][0].toListRef().size() : 1;
    return onnx_.emit_many("missing", {}, std::max<std::size_t>(outputs, 1));
  }

  // --- writing in place --------------------------------------------------------------------------------------------
  /// A view that was read before its base was written to is made again.
  void refresh(symbol const& value) {
    if (!value->view || value->view->version == root_of(value).version) return;
    auto& view = *value->view;
    view.version = root_of(value).version;
    value->value = {};
    if (dependence_of(value) == dependence::none) return;
    values const results{{{value->seen[0]}, {value->seen[1]}}};
    auto const made = lower(view.node, view.inputs, list_results(view, results));
    value->value = made.at(view.output);
  }
  static values list_results(onnx_view const& view, values const& results) {
    values all;
    for (std::size_t run = 0; run < all.size(); ++run) all[run].assign(view.output + 1, results[run][0]);
    return all;
  }

  void write(jit::Node* node, std::vector<symbol> const& inputs, std::size_t target, dependence depends_on,
             values const& results) {
    auto const& self = inputs[target];
    if (depends_on == dependence::none && dependence_of(self) == dependence::none) {
      // a constant is written to a constant: it was, when the operator ran
      touch(self);
    } else {
      put(self, lower(node, inputs, results).at(0), std::max(depends_on, dependence_of(self)));
    }
    for (auto* each : node->outputs()) known_[each] = self;
  }
  void touch(symbol const& self) {
    auto& root = root_of(self);
    ++root.version;
    for (auto* at = self.get();; at = at->view->base.get()) {
      at->value = {};
      if (!at->view) break;
      at->view->version = root.version;
    }
  }
  void put(symbol const& self, onnx_value made, dependence depends_on) {
    auto& root = root_of(self);
    self->value = made;
    self->depends_on = depends_on;
    if (!self->view) {
      ++root.version;
      return;
    }
    auto const view = *self->view;
    onnx_call::reader const read_value = [this](symbol const& each) { return read(each); };
    values const none{};
    onnx_call const call(onnx_, view.node, operator_name(view.node), view.inputs, none, read_value);
    put(view.base, with_view_replaced(call, view.output, made), depends_on);
    self->view->version = root.version;
  }

  onnx_builder& onnx_;
  onnx_lowerings const& own_;
  calls_of_nodes& open_calls_;
  std::unordered_map<jit::Node const*, std::size_t> calls_{};  ///< how often each node ran so far
  bool writes_ = false;  ///< does anything in the graph write in place?
  std::unordered_map<jit::Value const*, symbol> known_{};
  std::unordered_map<std::string, symbol> attributes_{};
  node_runner runner_;
  std::vector<missing_operator> missing_{};
  std::vector<std::string> notes_{};
};

}  // namespace torchdeploy::inline v0::detail

#endif
