#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/tensor_ops.hpp>
#include <torchdeploy/onnx/data_type.hpp>
#include <torchdeploy/onnx/dtype_policy.hpp>

namespace torchdeploy::inline v0 {

/// A value of an ONNX graph in the making: what a node gives, an input, or an initializer. None: an input that is left out.
struct onnx_value {
  int id = -1;

  explicit operator bool() const { return id >= 0; }
  friend bool operator==(onnx_value, onnx_value) = default;
  friend auto operator<=>(onnx_value, onnx_value) = default;
};

struct onnx_subgraph;

/// An attribute of a node: {"axis", 1}, {"pads", pads}, {"mode", "linear"}.
struct onnx_node_attribute {
  using value_type = std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<double>,
                                  std::vector<std::string>, at::Tensor, std::shared_ptr<onnx_subgraph>>;
  std::string name;
  value_type value;
};

/// A node in the making.
struct onnx_made_node {
  std::string kind;  ///< "Conv"; of another domain "com.microsoft::Gelu"
  std::vector<onnx_value> inputs{};
  std::vector<onnx_value> outputs{};
  std::vector<onnx_node_attribute> attributes{};
  std::string layer{};  ///< the module that it comes from: "layer1.0.conv1"
};

/// A branch of an If.
struct onnx_subgraph {
  std::vector<onnx_made_node> nodes{};
  std::vector<onnx_value> outputs{};
};

/// Makes the nodes of an ONNX graph. A node that was made before, of the same inputs, is not made again; one of constants
/// alone, as far as it only moves them, is computed at once. What has two forms in ONNX's opsets is written here alone, and so is
/// what runtimes take in other dtypes only (dtype_policy.hpp): a node is made in one of those, its operands and results cast.
class onnx_builder {
 public:
  explicit onnx_builder(std::int64_t opset) : opset_(opset) { scopes_.emplace_back(); }

  [[nodiscard]] std::int64_t opset() const { return opset_; }

  /// A node with one output.
  onnx_value emit(std::string kind, std::vector<onnx_value> inputs, std::vector<onnx_node_attribute> attributes = {}) {
    return emit_many(std::move(kind), std::move(inputs), 1, std::move(attributes)).front();
  }
  /// A node with several.
  /// @throws export_error 902: runtimes have the operator in no dtype that holds its operands
  std::vector<onnx_value> emit_many(std::string kind, std::vector<onnx_value> inputs, std::size_t outputs,
                                    std::vector<onnx_node_attribute> attributes = {}) {
    while (!inputs.empty() && !inputs.back()) inputs.pop_back();
    auto const given = leading_dtype(kind, inputs);
    if (!given) return make(std::move(kind), std::move(inputs), outputs, std::move(attributes));
    bool const combines =
        std::any_of(attributes.begin(), attributes.end(), [](auto const& each) { return each.name == "reduction"; });
    auto const taken = detail::onnx_dtype_for(combines ? kind + "+" : kind, opset_, *given);
    if (!taken)
      throw export_error(errc::not_exportable,
                         kind + (layer_.empty() ? "" : " (" + layer_ + ")") + ": no runtime of ONNX takes " +
                             std::string(toString(*given)),
                         "cast it to float before");
    if (*taken == *given) return make(std::move(kind), std::move(inputs), outputs, std::move(attributes));
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i] && dtype_of(inputs[i]) == given && !(kind == "Where" && i == 0))
        inputs[i] = cast(inputs[i], *given, *taken);
    auto made = make(std::move(kind), std::move(inputs), outputs, std::move(attributes));
    for (auto& each : made) {
      if (dtype_of(each) != taken) continue;
      auto const back = cast(each, *taken, *given);
      if (detail::onnx_holds(*taken, *given)) unrounded_[back] = each;
      each = back;
    }
    return made;
  }

  /// The same value under another name, of a node of its own.
  onnx_value identity(onnx_value value) {
    auto const made = new_value(dtype_of(value));
    scopes_.back().nodes.push_back({"Identity", {value}, {made}, {}, layer_});
    return made;
  }

  /// A weight or another constant, in whatever order of its axes: it is copied when it is written. The same memory is stored
  /// once; what is small and equal, too.
  onnx_value constant(at::Tensor const& tensor, std::string const& name = {}) {
    auto kept = tensor.detach();
    auto key = std::to_string(static_cast<int>(kept.scalar_type())) + "[";
    for (auto const size : kept.sizes()) key += std::to_string(size) + ",";
    constexpr std::size_t small = 128;
    if (kept.nbytes() <= small) {
      kept = kept.contiguous();
      key.append(static_cast<char const*>(kept.const_data_ptr()), kept.nbytes());
    } else {
      key += "@" + std::to_string(reinterpret_cast<std::uintptr_t>(kept.const_data_ptr()));
      for (auto const stride : kept.strides()) key += ":" + std::to_string(stride);
    }
    auto& known = constants_[std::move(key)];
    if (tensors_.contains(known)) return known;  // else it was dropped, and its memory may be another's by now
    known = new_value(kept.scalar_type());
    tensors_.emplace(known, std::move(kept));
    if (!name.empty()) names_.emplace(known, name);
    return known;
  }
  onnx_value integers(std::vector<std::int64_t> const& values) { return constant(at::tensor(values, at::kLong)); }
  onnx_value integer(std::int64_t value) { return constant(at::scalar_tensor(value, at::kLong)); }
  onnx_value scalar(double value, at::ScalarType dtype) { return constant(at::scalar_tensor(value, dtype)); }
  /// An input of the graph.
  onnx_value input(std::optional<at::ScalarType> dtype = {}) { return new_value(dtype); }
  /// As far as it is known: what a user's own operators give is not.
  [[nodiscard]] std::optional<at::ScalarType> dtype_of(onnx_value value) const {
    return value ? dtypes_[static_cast<std::size_t>(value.id)] : std::nullopt;
  }

  /// The tensor that a constant is.
  [[nodiscard]] std::optional<at::Tensor> constant_of(onnx_value value) const {
    auto const found = tensors_.find(value);
    return found == tensors_.end() ? std::nullopt : std::optional(found->second);
  }

  // --- what every family needs --------------------------------------------------------------------------------------
  onnx_value cast(onnx_value x, at::ScalarType from, at::ScalarType to) {
    if (from == to) return x;
    if (auto const known = constant_of(x)) return constant(known->to(to));
    for (auto const* each : {&unrounded_, &cast_from_})
      if (auto const known = each->find(x); known != each->end() && dtype_of(known->second) == to) return known->second;
    auto const made = emit("Cast", {x}, {{"to", onnx_type_of(to)}});
    if (detail::onnx_holds(to, from)) cast_from_[made] = x;
    return made;
  }
  onnx_value reshape(onnx_value x, std::vector<std::int64_t> const& sizes) {
    if (auto const known = constant_of(x)) return constant(known->reshape(sizes));
    return emit("Reshape", {x, integers(sizes)});
  }
  onnx_value unsqueeze(onnx_value x, std::vector<std::int64_t> const& axes) {
    if (axes.empty()) return x;
    if (auto known = constant_of(x); known && axes.size() == 1) return constant(known->unsqueeze(axes.front()));
    return emit("Unsqueeze", {x, integers(axes)});
  }
  onnx_value squeeze(onnx_value x, std::vector<std::int64_t> const& axes) {
    if (axes.empty()) return x;
    if (auto known = constant_of(x); known && axes.size() == 1) return constant(known->squeeze(axes.front()));
    return emit("Squeeze", {x, integers(axes)});
  }
  onnx_value transpose(onnx_value x, std::vector<std::int64_t> const& order) {
    bool same = true;
    for (std::size_t i = 0; i < order.size(); ++i) same = same && order[i] == static_cast<std::int64_t>(i);
    if (same) return x;
    if (auto const known = constant_of(x)) {
      auto const name = names_.find(x);
      return constant(known->permute(order), name == names_.end() ? std::string() : name->second);
    }
    return emit("Transpose", {x}, {{"perm", order}});
  }
  onnx_value concat(std::vector<onnx_value> const& all, std::int64_t axis) {
    if (all.size() == 1) return all.front();
    std::vector<at::Tensor> known;
    for (auto const each : all)
      if (auto tensor = constant_of(each)) known.push_back(*std::move(tensor));
    if (known.size() == all.size()) return constant(at::cat(known, axis));
    return emit("Concat", all, {{"axis", axis}});
  }
  /// `start` and `end` are vectors of one number; `end` may be left out: to the end.
  onnx_value slice(onnx_value x, std::int64_t axis, onnx_value start, onnx_value end, std::int64_t step = 1) {
    if (!end) end = integers({std::numeric_limits<std::int64_t>::max()});
    return emit("Slice", {x, start, end, integers({axis}), step == 1 ? onnx_value{} : integers({step})});
  }
  onnx_value gather(onnx_value x, onnx_value index, std::int64_t axis) {
    return emit("Gather", {x, index}, {{"axis", axis}});
  }
  /// Of a tensor, as an int64 vector; from `first` on, `count` of its sizes.
  onnx_value shape(onnx_value x) { return emit("Shape", {x}); }
  onnx_value size(onnx_value x, std::int64_t axis) {
    constexpr std::int64_t with_range = 15;
    if (opset_ >= with_range) return emit("Shape", {x}, {{"start", axis}, {"end", axis + 1}});
    return gather(shape(x), integers({axis}), 0);
  }
  /// ReduceMean, ReduceMax...: over all axes when there are none.
  onnx_value reduce(std::string const& kind, onnx_value x, std::vector<std::int64_t> const& axes, bool keep) {
    std::int64_t const axes_are_inputs_since = kind == "ReduceSum" ? 13 : 18;
    std::vector<onnx_node_attribute> attributes{{"keepdims", std::int64_t{keep}}};
    if (axes.empty()) return emit(kind, {x}, std::move(attributes));
    if (opset_ >= axes_are_inputs_since) return emit(kind, {x, integers(axes)}, std::move(attributes));
    attributes.push_back({"axes", axes});
    return emit(kind, {x}, std::move(attributes));
  }
  onnx_value expand(onnx_value x, onnx_value sizes) { return emit("Expand", {x, sizes}); }

  // --- scopes and names ---------------------------------------------------------------------------------------------
  /// Nodes made from now on are a branch's, until `end_branch`.
  void begin_branch() { scopes_.emplace_back(); }
  std::shared_ptr<onnx_subgraph> end_branch(std::vector<onnx_value> outputs) {
    auto branch = std::make_shared<onnx_subgraph>(onnx_subgraph{std::move(scopes_.back().nodes), std::move(outputs)});
    scopes_.pop_back();
    return branch;
  }
  /// The module that the nodes made from now on come from. They are of another call of an operator: what the one before gave is
  /// rounded to its dtype, as LibTorch rounds it; within one both compute on without.
  void at_layer(std::string layer) {
    layer_ = std::move(layer);
    unrounded_.clear();
  }

  static std::int64_t onnx_type_of(at::ScalarType dtype) {
    for (std::size_t i = 0; i < std::size(detail::onnx_data_types); ++i)
      if (detail::onnx_data_types[i].dtype == dtype) return static_cast<std::int64_t>(i);
    return 0;
  }

  [[nodiscard]] std::vector<onnx_made_node>& nodes() { return scopes_.front().nodes; }
  [[nodiscard]] std::map<onnx_value, at::Tensor>& tensors() { return tensors_; }
  [[nodiscard]] std::map<onnx_value, std::string> const& names() const { return names_; }

 private:
  struct node_list {
    std::vector<onnx_made_node> nodes{};
    std::map<std::string, std::vector<onnx_value>> known{};
  };

  onnx_value new_value(std::optional<at::ScalarType> dtype) {
    dtypes_.push_back(dtype);
    return {static_cast<int>(dtypes_.size()) - 1};
  }

  std::vector<onnx_value> make(std::string kind, std::vector<onnx_value> inputs, std::size_t outputs,
                               std::vector<onnx_node_attribute> attributes) {
    auto key = key_of(kind, inputs, attributes, outputs);
    for (auto const& scope : scopes_)
      if (auto const known = scope.known.find(key); known != scope.known.end()) return known->second;
    std::vector<onnx_value> made;
    for (std::size_t i = 0; i < outputs; ++i) made.push_back(new_value(result_dtype(kind, inputs, attributes, i)));
    scopes_.back().nodes.push_back({std::move(kind), std::move(inputs), made, std::move(attributes), layer_});
    scopes_.back().known.emplace(std::move(key), made);
    return made;
  }
  [[nodiscard]] std::optional<at::ScalarType> leading_dtype(std::string_view kind,
                                                            std::vector<onnx_value> const& inputs) const {
    auto const leading = detail::onnx_leading_input(kind);
    return leading < inputs.size() ? dtype_of(inputs[leading]) : std::nullopt;
  }
  [[nodiscard]] std::optional<at::ScalarType> result_dtype(std::string_view kind, std::vector<onnx_value> const& inputs,
                                                           std::vector<onnx_node_attribute> const& attributes,
                                                           std::size_t place) const {
    for (auto const& each : attributes) {
      if (kind == "Cast" && each.name == "to") return detail::onnx_data_types[std::get<std::int64_t>(each.value)].dtype;
      if (kind == "ConstantOfShape") return std::get<at::Tensor>(each.value).scalar_type();
      if (kind == "If") return dtype_of(std::get<std::shared_ptr<onnx_subgraph>>(each.value)->outputs.at(place));
    }
    if (auto const own = detail::onnx_own_result_dtype(kind, place)) return own;
    return detail::onnx_keeps_dtype(kind) ? leading_dtype(kind, inputs) : std::nullopt;
  }

  /// Of nodes with equal keys one is enough.
  static std::string key_of(std::string_view kind, std::vector<onnx_value> const& inputs,
                            std::vector<onnx_node_attribute> const& attributes, std::size_t outputs) {
    std::string key(kind);
    key += '/' + std::to_string(outputs);
    for (auto const each : inputs) key += ',' + std::to_string(each.id);
    for (auto const& each : attributes) {
      key += ';' + each.name + '=' + std::to_string(each.value.index()) + ':';
      std::visit([&](auto const& value) { append(key, value); }, each.value);
    }
    return key;
  }
  static void append(std::string& key, std::int64_t value) { key += std::to_string(value); }
  static void append(std::string& key, double value) {
    key.append(reinterpret_cast<char const*>(&value), sizeof value);
  }
  static void append(std::string& key, std::string const& value) { key += value; }
  template <class Value>
  static void append(std::string& key, std::vector<Value> const& values) {
    for (auto const& each : values) append(key += ',', each);
  }
  static void append(std::string& key, at::Tensor const& value) {
    for (auto const size : value.sizes()) key += std::to_string(size) + ',';
    key += std::to_string(static_cast<int>(value.scalar_type())) + ':';
    auto const dense = value.contiguous();
    key.append(static_cast<char const*>(dense.const_data_ptr()), dense.nbytes());
  }
  static void append(std::string& key, std::shared_ptr<onnx_subgraph> const& value) {
    key += std::to_string(reinterpret_cast<std::uintptr_t>(value.get()));
  }

  std::int64_t opset_;
  std::vector<std::optional<at::ScalarType>> dtypes_{};  ///< of each value
  std::string layer_{};
  std::vector<node_list> scopes_{};
  std::map<std::string, onnx_value> constants_{};
  std::map<onnx_value, at::Tensor> tensors_{};
  std::map<onnx_value, std::string> names_{};
  std::map<onnx_value, onnx_value> cast_from_{};  ///< to a dtype that holds every number of the one before
  std::map<onnx_value, onnx_value> unrounded_{};  ///< what was rounded to the dtype of the call that it is in
};

}  // namespace torchdeploy::inline v0

#endif
