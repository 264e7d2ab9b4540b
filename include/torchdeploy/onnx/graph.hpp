#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <torchdeploy/onnx/endless.hpp>
#include <torchdeploy/onnx/node.hpp>
#include <torchdeploy/onnx/onnx_summary.hpp>
#include <torchdeploy/onnx/operators.hpp>
#include <torchdeploy/onnx/values.hpp>
#include <torchdeploy/onnx/wire.hpp>

namespace torchdeploy::inline v0::detail {

/// Checks what the nodes of a model say of each other, and counts them: each value made once and before it is used, each
/// operator with the inputs it needs. Runtimes crash on some of the models that are not so.
class onnx_graph_check {
 public:
  onnx_graph_check(std::map<std::string, std::int64_t> const& opsets, onnx_summary& summary)
      : opsets_(&opsets), summary_(&summary) {}

  /// A model's own function: nodes that call it need not be in any table.
  void declare(std::string_view bytes) {
    function each;
    std::string_view name, domain, overload;
    for (auto at = onnx_reader(bytes); at.next();) switch (at.tag()) {
        case onnx_function::name:
          name = view_of(at.get_view());
          break;
        case onnx_function::domain:
          domain = onnx_domain(view_of(at.get_view()));
          break;
        case onnx_function::overload:
          overload = view_of(at.get_view());
          break;
        case onnx_function::input:
          ++each.signature.inputs;
          at.skip();
          break;
        case onnx_function::output:
          ++each.signature.outputs;
          at.skip();
          break;
        default:
          at.skip();
      }
    if (name.empty()) onnx_invalid("a function without a name");
    each.bytes = bytes;
    each.who = "function " + quoted_name(name);
    auto const who = each.who;
    if (!functions_.emplace(key(domain, name, overload), std::move(each)).second) onnx_invalid(who + " is there twice");
  }

  void check_functions() {
    for (auto& [name, each] : functions_) check_function(each);
    for (auto& [name, each] : functions_) expand(each, 0);
  }

  /// The names of a graph's inputs that an initializer does not give are in `summary` when it is the main graph.
  onnx_signature check_graph(std::string_view bytes) { return check_graph(bytes, nullptr, nullptr, false); }

 private:
  struct function;
  onnx_signature check_graph(std::string_view bytes, onnx_scope const* around, function* inside, bool is_loop) {
    onnx_scope scope(around);
    onnx_signature signature;
    std::unordered_set<std::string_view> initializers, going_on;
    auto const initializer = [&](std::string_view name) {
      if (name.empty()) onnx_invalid("an initializer without a name");
      if (!initializers.insert(name).second) onnx_invalid("initializer " + quoted_name(name) + " is there twice");
      scope.add(name);
    };
    for (auto at = onnx_reader(bytes); at.next();)
      if (at.tag() == onnx_graph::initializer) {
        auto const tensor = view_of(at.get_view());
        auto const name = name_in(onnx_reader(tensor), onnx_tensor::name);
        initializer(name);
        if (onnx_goes_on(tensor)) going_on.insert(name);
      } else if (at.tag() == onnx_graph::sparse_initializer) {
        for (auto sparse = at.get_message(); sparse.next();)
          if (sparse.tag() == onnx_sparse_tensor::values)
            initializer(name_in(sparse.get_message(), onnx_tensor::name));
          else
            sparse.skip();
      } else if (at.tag() == onnx_graph::name && !around) {
        summary_->graph_name = view_of(at.get_view());
      } else {
        at.skip();
      }

    std::unordered_set<std::string_view> inputs;
    for (auto at = onnx_reader(bytes); at.next(onnx_graph::input);) {
      auto const [name, info] = value_info(view_of(at.get_view()), "input", around != nullptr);
      if (!inputs.insert(name).second) onnx_invalid("input " + quoted_name(name) + " is there twice");
      scope.add(name);
      going_on.erase(name);  // an initializer that callers may override
      if (is_loop && signature.inputs == 1) going_on.insert(name);  // a pass begins only when the condition is true
      ++signature.inputs;
      if (!around && !initializers.contains(name)) summary_->inputs.push_back(info);
    }
    for (auto const& name : going_on) scope.add_going_on(name);
    std::int64_t index = 0;
    for (auto at = onnx_reader(bytes); at.next(onnx_graph::node);)
      check_node(onnx_node_view(view_of(at.get_view())), index++, scope, inside);
    for (auto at = onnx_reader(bytes); at.next(onnx_graph::output);) {
      auto const [name, info] = value_info(view_of(at.get_view()), "output", true);
      if (!scope.has(name)) onnx_invalid("output " + quoted_name(name) + " is made by no node");
      if (signature.outputs++ == 0) signature.goes_on = scope.goes_on(name);
      if (!around) summary_->outputs.push_back(info);
    }
    if (!around && signature.outputs == 0) onnx_invalid("expected a graph with outputs, got none");
    return signature;
  }

  struct named_type {
    std::string_view name{};
    tensor_info info{};
  };
  struct function {
    std::string_view bytes{};
    std::string who{};
    onnx_signature signature{};
    std::vector<function*> calls{};
    std::uint64_t own_nodes = 0;
    std::optional<std::uint64_t> nodes{};  ///< with those of the functions it calls
    bool open = false;
  };

  static std::string_view name_in(protozero::pbf_reader at, std::uint32_t field) {
    std::string_view name;
    while (at.next(field)) name = view_of(at.get_view());
    return name;
  }

  static std::string key(std::string_view domain, std::string_view name, std::string_view overload) {
    std::string text(domain);
    text.append(1, '\0').append(name).append(1, '\0').append(overload);
    return text;
  }

  static named_type value_info(std::string_view bytes, std::string const& what, bool untyped_allowed) {
    named_type value;
    bool typed = false;
    for (auto at = onnx_reader(bytes); at.next();)
      if (at.tag() == onnx_value_info::name) {
        value.name = view_of(at.get_view());
      } else if (at.tag() == onnx_value_info::type) {
        value.info = onnx_type_info(view_of(at.get_view()));
        typed = value.info.type != "Any";
      } else {
        at.skip();
      }
    if (value.name.empty()) onnx_invalid("an " + what + " without a name");
    if (!typed && !untyped_allowed) onnx_invalid(what + " " + quoted_name(value.name) + " has no type");
    value.info.name = value.name;
    return value;
  }

  void check_node(onnx_node_view const& node, std::int64_t index, onnx_scope& scope, function* inside) {
    auto const name = onnx_operator_name(node.domain, node.type);
    auto const who = "node " + (node.name.empty() ? std::to_string(index) : quoted_name(node.name)) + " (" +
                     (name.size() > 40 ? name.substr(0, 40) : name) + ")";
    if (node.type.empty()) onnx_invalid(who + " has no operator");
    auto const opset = opsets_->find(std::string(node.domain));
    auto const own = functions_.find(key(node.domain, node.type, node.overload));
    if (opset == opsets_->end() && own == functions_.end())
      onnx_invalid(who + ": the model imports no opset of domain " + quoted_name(node.domain));
    for (auto const& each : node.inputs)
      if (!each.empty() && !scope.has(each))
        onnx_invalid(who + ": input " + quoted_name(each) + " is made by no node before it");
    if (own != functions_.end()) {
      auto const& signature = own->second.signature;
      expect_count(who, "inputs", node.inputs.size(), 0, static_cast<std::int64_t>(signature.inputs));
      expect_count(who, "outputs", node.outputs.size(), 0, static_cast<std::int64_t>(signature.outputs));
      if (inside) inside->calls.push_back(&own->second);
    } else if (node.domain.empty()) {
      check_arity(node, who, opset->second);
    }
    if (inside) ++inside->own_nodes;
    check_attributes(node, who, scope, inside);
    for (auto const& each : node.outputs)
      if (!each.empty() && !scope.add(each)) onnx_invalid(who + ": output " + quoted_name(each) + " is there already");
    if (onnx_goes_on(node, scope)) scope.add_going_on(node.outputs[0]);
    ++summary_->operators[name];
  }

  static void expect_count(std::string const& who, char const* what, std::size_t got, std::int64_t least,
                           std::int64_t most) {
    auto const count = static_cast<std::int64_t>(got);
    if (count >= least && (most < 0 || count <= most)) return;
    onnx_invalid(who + ": expected " + std::to_string(least) +
                 (most < 0        ? " or more"
                  : most == least ? ""
                                  : " to " + std::to_string(most)) +
                 " " + what + ", got " + std::to_string(got));
  }

  static void check_arity(onnx_node_view const& node, std::string const& who, std::int64_t opset) {
    if (opset > onnx_newest_opset) return;
    auto const* const arity = arity_of(node.type, opset);
    if (!arity) return;  // the runtime knows whether it has it
    auto used = node.inputs.size();  // trailing empty names are inputs left out
    while (used > 0 && node.inputs[used - 1].empty()) --used;
    expect_count(who, "inputs", used, 0, arity->max_inputs);
    expect_count(who, "inputs", node.inputs.size(), arity->min_inputs, -1);
    for (std::size_t i = 0; i < static_cast<std::size_t>(arity->required); ++i)
      if (i >= used || node.inputs[i].empty()) onnx_invalid(who + ": input " + std::to_string(i) + " is missing");
    expect_count(who, "outputs", node.outputs.size(), arity->min_outputs, arity->max_outputs);
  }

  void check_attributes(onnx_node_view const& node, std::string const& who, onnx_scope const& scope, function* inside) {
    std::unordered_set<std::string_view> names;
    std::map<std::string_view, onnx_signature> bodies;
    for (auto const& bytes : node.attributes) {
      auto const name = name_in(onnx_reader(bytes), onnx_attribute::name);
      if (!names.insert(name).second) onnx_invalid(who + ": attribute " + quoted_name(name) + " is there twice");
      for (auto at = onnx_reader(bytes); at.next();)
        if (at.tag() == onnx_attribute::ref_attr_name && !inside)
          onnx_invalid(who + ": attribute " + quoted_name(name) + " stands for a function's, outside of any");
        else if (at.tag() == onnx_attribute::g || at.tag() == onnx_attribute::graphs)
          bodies[name] = check_graph(view_of(at.get_view()), &scope, inside, node.type == "Loop");
        else
          at.skip();
    }
    if (node.domain.empty()) check_bodies(node, who, bodies, scope);
  }

  /// Source: the operators' own pages of ONNX, If, Loop, Scan and SequenceMap.
  static void check_bodies(onnx_node_view const& node, std::string const& who,
                           std::map<std::string_view, onnx_signature> const& bodies, onnx_scope const& scope) {
    auto const body = [&](std::string_view name) {
      auto const at = bodies.find(name);
      if (at == bodies.end()) onnx_invalid(who + ": expected a graph as attribute " + quoted_name(name) + ", got none");
      return at->second;
    };
    auto const inputs = static_cast<std::int64_t>(node.inputs.size());
    if (node.type == "If") {
      for (auto const* const branch : {"then_branch", "else_branch"}) {
        auto const signature = body(branch);
        expect_count(who, "inputs of a branch", signature.inputs, 0, 0);
        expect_count(who, "outputs", node.outputs.size(), 0, static_cast<std::int64_t>(signature.outputs));
      }
    } else if (node.type == "Loop") {
      auto const signature = body("body");
      auto const carried = std::max<std::int64_t>(inputs, 2) - 2;
      expect_count(who, "inputs of the body", signature.inputs, 2 + carried, 2 + carried);
      expect_count(who, "outputs of the body", signature.outputs, 1 + carried, -1);
      expect_count(who, "outputs", node.outputs.size(), 0, static_cast<std::int64_t>(signature.outputs) - 1);
      if (signature.goes_on && onnx_begins_endless(node, scope))
        onnx_invalid(who + " never ends: it has no trip count, and its condition is always true");
    } else if (node.type == "Scan") {
      auto const signature = body("body");
      expect_count(who, "inputs of the body", signature.inputs, 0, inputs);
      expect_count(who, "outputs", node.outputs.size(), 0, static_cast<std::int64_t>(signature.outputs));
    } else if (node.type == "SequenceMap") {
      expect_count(who, "inputs of the body", body("body").inputs, inputs, inputs);
    }
  }

  void check_function(function& each) {
    std::map<std::string, std::int64_t> opsets;
    onnx_scope scope;
    std::vector<std::string_view> outputs;
    for (auto at = onnx_reader(each.bytes); at.next();) switch (at.tag()) {
        case onnx_function::opset_import: {
          auto const [domain, version] = onnx_opset(view_of(at.get_view()));
          opsets[std::string(domain)] = version;
          break;
        }
        case onnx_function::input: {
          auto const name = view_of(at.get_view());
          if (name.empty() || !scope.add(name))
            onnx_invalid(each.who + ": input " + quoted_name(name) + " is there twice");
          break;
        }
        case onnx_function::output:
          outputs.push_back(view_of(at.get_view()));
          break;
        default:
          at.skip();
      }
    auto const* const outer = std::exchange(opsets_, &opsets);
    std::int64_t index = 0;
    for (auto at = onnx_reader(each.bytes); at.next(onnx_function::node);)
      check_node(onnx_node_view(view_of(at.get_view())), index++, scope, &each);
    opsets_ = outer;
    for (auto const& name : outputs)
      if (!scope.has(name)) onnx_invalid(each.who + ": output " + quoted_name(name) + " is made by no node");
  }

  /// Runtimes put a function's nodes in the place of its calls: none may call itself, and a few short ones that call each
  /// other twice could ask for more nodes than memory holds.
  std::uint64_t expand(function& each, int depth) {
    constexpr std::uint64_t most = 10'000'000;
    if (each.nodes) return *each.nodes;
    if (each.open) onnx_invalid(each.who + " calls itself");
    if (depth > onnx_max_depth)
      onnx_invalid(each.who + ": calls are nested deeper than " + std::to_string(onnx_max_depth));
    each.open = true;
    auto count = each.own_nodes;
    for (auto* const called : each.calls) {
      count += expand(*called, depth + 1);
      if (count > most) onnx_invalid(each.who + " stands for more than " + std::to_string(most) + " nodes");
    }
    each.open = false;
    each.nodes = count;
    return count;
  }

  std::map<std::string, std::int64_t> const* opsets_;
  onnx_summary* summary_;
  std::unordered_map<std::string, function> functions_;
};

}  // namespace torchdeploy::inline v0::detail

#endif
