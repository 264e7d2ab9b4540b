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
#include <torchdeploy/onnx/memory.hpp>
#include <torchdeploy/onnx/running.hpp>
#include <torchdeploy/onnx/symbolic.hpp>
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
      : onnx_(onnx), own_(own), memory_(onnx, own), open_calls_(open_calls), runner_(of_data) {}

  /// Runs the graph. `inputs`: a symbol for each, `self` first. Its results, and in `missing()` what could not be written.
  symbol run(jit::Graph& graph, std::vector<symbol> const& inputs) {
    for_each_node(graph, [&](jit::Node* node) { memory_.writes = memory_.writes || is_writing(node); });
    for (std::size_t i = 0; i < inputs.size(); ++i) known_[graph.inputs()[i]] = inputs[i];
    run(graph.block());
    return known_.at(graph.outputs()[0]);
  }
  [[nodiscard]] std::vector<missing_operator> const& missing() const { return memory_.missing(); }
  [[nodiscard]] std::vector<std::string> const& notes() const { return notes_; }
  [[nodiscard]] std::vector<std::exception_ptr> const& refusals() const { return memory_.refusals(); }
  /// Was anything taken to be as at sizes of 2 and more, which may be otherwise at 1?
  [[nodiscard]] bool asks_for_ones() const { return asks_for_ones_; }
  [[nodiscard]] double evaluation_seconds() const { return runner_.seconds(); }

  /// What stands for a tensor or number in ONNX.
  onnx_value read(symbol const& value) { return memory_.read(value); }

 private:
  using values = onnx_results_of_runs;

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
    if (kind == c10::prim::SetAttr) refuse_state(node, "'" + node->s(c10::attr::name) + "'");
    if (!inputs.empty() && is_container(inputs[0]->seen[0]) && is_writing(node)) {
      if (inputs[0]->is_state) refuse_state(node, state_name(inputs[0]->name));
      refuse_outside(node, *inputs[0]);
    }
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

  [[noreturn]] static void refuse_state(jit::Node* node, std::string const& what) {
    refuse_call(node, "the model keeps a state: it writes " + what, "take the state as an argument and return it");
  }
  /// In a branch that is written as one, nothing from outside may be written to.
  void refuse_outside(jit::Node* node, symbolic const& target) const {
    if (target.born <= branch_born_)
      refuse_call(node, "a branch that depends on the inputs writes to a tensor or list in place");
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
    auto const chosen = memory_.read(condition);
    std::array<std::shared_ptr<onnx_subgraph>, 2> branches;
    std::array<std::vector<symbol>, 2> results;
    for (std::size_t i = 0; i < 2; ++i) {
      // what both see is made before them: a view, too, whose base was written to
      for_each_node(node->blocks()[i], [&](jit::Node* inner) { refresh(inner->inputs()); });
      refresh(node->blocks()[i]->outputs());
      onnx_.begin_branch();
      auto const around = std::exchange(branch_born_, next_birth());
      run(node->blocks()[i]);
      branch_born_ = around;
      std::vector<onnx_value> outputs;
      for (auto* each : node->blocks()[i]->outputs()) {
        auto const& value = known_.at(each);
        if (is_container(value->seen[0]) || value->seen[0].isNone())
          refuse_call(node, "a branch that depends on the inputs gives a " + value->seen[0].tagKind());
        results[i].push_back(value);
        // what a branch gives is to be made in it
        outputs.push_back(onnx_.identity(memory_.read(value)));
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
      if (has_rank(first)) {
        std::vector<bool> open(static_cast<std::size_t>(first.toTensor().dim()));
        for (std::int64_t axis = 0; axis < first.toTensor().dim(); ++axis)
          open[static_cast<std::size_t>(axis)] = results[0][i]->is_open(axis) || results[1][i]->is_open(axis) ||
                                                 first.toTensor().size(axis) != second.toTensor().size(axis);
        if (std::find(open.begin(), open.end(), true) != open.end()) {
          result->elsewhere = with_other_sizes(result->seen[0], open);
          result->open_axes = std::move(open);
        }
      } else if (is_number(result->seen[0])) {
        result->elsewhere = other_number(result->seen[0]);
      }
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
    if (draws_random_numbers(node)) refuse_call(node, "it draws random numbers", "take them as an argument");
    bool const counts =
        depends_on == dependence::data && counts_data(node, inputs, lowering_of(node, own_).lower.sized_by_data());
    if (asks_for_sizes(node) && !(asks_for_a_size(node) && is_about_open_axis(inputs)))
      depends_on = std::min(depends_on, dependence::sizes);
    if (node->outputs().size() == 1 && node->output()->type()->kind() == c10::TypeKind::StringType)
      depends_on = dependence::none;  // for messages of errors

    std::optional<std::size_t> target;  // what it writes to
    if (auto const* const schema = node->maybeSchema(); schema && memory_.writes)
      for (std::size_t i = 0; i < std::min(inputs.size(), schema->arguments().size()); ++i)
        if (writes(*schema, i) && inputs[i]->seen[0].isTensor()) target = i;
    if (target) {
      auto const& root = root_of(inputs[*target]);
      if (root.is_state) refuse_state(node, state_name(root.name));
      refuse_outside(node, root);
      if (reshapes_in_place(node)) return reshape(node, inputs, *target, depends_on);
    }
    if (target && depends_on != dependence::none)  // a constant is read before the operator, run as it is, writes to it
      for (auto const* at = &inputs[*target];; at = &(*at)->view->base) {
        memory_.read(*at);
        if (!(*at)->view) break;
      }
    if (counts || takes_number_of_data(node, inputs)) runner_.demand_values();
    auto const results = runner_(node, inputs, memory_.writes ? std::max(depends_on, dependence::sizes) : depends_on);
    bool const rounds = depends_on == dependence::sizes && rounds_open_sizes(node, inputs) && is_same(results);
    auto const elsewhere = runner_.elsewhere(node, inputs, results[0], counts,
                                             rounds || (depends_on == dependence::data && runner_.has_values()));
    if (std::pair const call(node, calls_[node]++); depends_on == dependence::sizes) {
      bool const differs =
          std::any_of(elsewhere.begin(), elsewhere.end(), [](auto const& each) { return each.has_value(); });
      if (!is_same(results) || rounds)
        open_calls_.insert(call);
      else if (!open_calls_.contains(call) && !differs)
        depends_on = dependence::none;
      if (depends_on == dependence::none && judges_open_sizes(inputs, results)) {
        asks_for_ones_ = true;
        notes_.push_back("judged for sizes like the example's: " + described(node));
      }
    }
    if (keeps_open_axis(node, inputs)) {
      asks_for_ones_ = true;
      notes_.push_back("an axis whose size is open is not squeezed, at a size of 1 either: " + described(node));
    }
    if (target) {
      if (!elsewhere.empty() && elsewhere[0]) open_sizes_of(*inputs[*target], elsewhere[0]);
      return write(node, inputs, *target, depends_on, results);
    }

    std::vector<std::vector<bool>> open_results;
    for (std::size_t i = 0; i < results[0].size(); ++i)
      open_results.push_back(open_axes_of(results[0][i], elsewhere.at(i)));
    auto const constant = depends_on == dependence::none;
    bind(node, inputs, results, depends_on,
         constant ? onnx_results() : memory_.lower(node, inputs, results, std::move(open_results)), elsewhere);
  }

  void bind(jit::Node* node, std::vector<symbol> const& inputs, values const& results, dependence depends_on,
            std::vector<onnx_value> const& lowered, other_counts::results const& elsewhere) {
    for (std::size_t i = 0; i < node->outputs().size(); ++i) {
      auto made = constant_symbol(results[0].at(i), results[1].at(i));
      made->depends_on = depends_on;
      if (is_container(made->seen[0])) {
        if (made->seen[0].isList() && made->seen[0].toListRef().size() != made->seen[1].toListRef().size())
          refuse_call(node, "how many tensors it gives depends on the sizes of the inputs");
        auto& all = elements_of(made);
        for (std::size_t j = 0; j < all.size(); ++j) {
          if (depends_on != dependence::none && j < lowered.size()) all[j]->value = lowered[j];
          if (elsewhere.at(i)) open_element(*all[j], *elsewhere[i], j);
          memory_.look_at(all[j], node, inputs, j);
        }
      } else {
        if (i < lowered.size()) made->value = lowered[i];
        open_sizes_of(*made, elsewhere.at(i));
        memory_.look_at(made, node, inputs, i);
      }
      known_[node->output(i)] = std::move(made);
    }
  }

  // --- writing in place --------------------------------------------------------------------------------------------
  void refresh(at::ArrayRef<jit::Value*> all) {
    for (auto* each : all)
      if (auto const found = known_.find(each); found != known_.end()) memory_.refresh_all(found->second);
  }
  void write(jit::Node* node, std::vector<symbol> const& inputs, std::size_t target, dependence depends_on,
             values const& results) {
    auto const& self = inputs[target];
    if (depends_on == dependence::none && dependence_of(self) == dependence::none) {
      // a constant is written to a constant: it was, when the operator ran
      memory_.touch(self);
    } else {
      memory_.put(self, memory_.lower(node, inputs, results).at(0), std::max(depends_on, dependence_of(self)));
    }
    for (auto* each : node->outputs()) known_[each] = self;
  }
  /// Axes move in place: the same tensor in another shape, if nobody else sees it.
  void reshape(jit::Node* node, std::vector<symbol> inputs, std::size_t target, dependence depends_on) {
    auto const self = inputs[target];
    if (self->view || self->is_viewed || !moves_axes_in_place(node))
      refuse_call(node, "it changes the shape in place", "x = x.unsqueeze(0)");
    auto const before = std::make_shared<symbolic>(*self);
    for (auto& each : before->seen) each = at::alias(each.toTensor());
    auto const results = runner_(node, inputs, dependence::sizes);
    inputs[target] = before;
    self->value = dependence_of(self) == dependence::none ? onnx_value() : memory_.lower(node, inputs, results).at(0);
    self->depends_on = std::max(self->depends_on, depends_on);
    if (self->elsewhere) open_sizes_of(*self, c10::IValue());
    for (auto* each : node->outputs()) known_[each] = self;
  }
  onnx_builder& onnx_;
  onnx_lowerings const& own_;
  onnx_memory memory_;
  calls_of_nodes& open_calls_;
  std::unordered_map<jit::Node const*, std::size_t> calls_{};  ///< how often each node ran so far
  std::unordered_map<jit::Value const*, symbol> known_{};
  std::unordered_map<std::string, symbol> attributes_{};
  node_runner runner_;
  std::uint64_t branch_born_ = 0;  ///< what is not younger is from outside the branch that is written
  bool asks_for_ones_ = false;
  std::vector<std::string> notes_{};
};

}  // namespace torchdeploy::inline v0::detail

#endif
