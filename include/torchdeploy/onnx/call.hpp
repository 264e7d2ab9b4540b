#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/diagnosis/inspected.hpp>
#include <torchdeploy/onnx/builder.hpp>
#include <torchdeploy/onnx/symbolic.hpp>

namespace torchdeploy::inline v0 {

namespace detail {
/// "aten::conv2d (features.0.conv2d (net.py:12))", as far as the file tells.
inline std::string described(torch::jit::Node* node) {
  std::string const kind = node->kind().toQualString();
  auto const place = where(node);
  return kind.ends_with("::" + place) ? kind : kind + " (" + place + ")";
}
/// @throws export_error 902
[[noreturn]] inline void refuse_call(torch::jit::Node* node, std::string const& why, std::string_view hint = {}) {
  throw export_error(errc::not_exportable, described(node) + ": " + why, hint);
}
}  // namespace detail

/// An argument of an operator: by its name in the schema, or by its place.
class onnx_argument {
 public:
  onnx_argument(char const* name) : name_(name) {}
  onnx_argument(std::size_t place) : place_(place) {}
  onnx_argument(int place) : place_(static_cast<std::size_t>(place)) {}

  [[nodiscard]] std::optional<std::size_t> place(c10::FunctionSchema const* schema, std::size_t count) const {
    if (!name_) return place_ < count ? std::optional(place_) : std::nullopt;
    if (!schema) return std::nullopt;
    for (std::size_t i = 0; i < std::min(schema->arguments().size(), count); ++i)
      if (schema->arguments()[i].name() == name_) return i;
    return std::nullopt;
  }
  [[nodiscard]] std::string text() const { return name_ ? "'" + std::string(name_) + "'" : std::to_string(place_); }

 private:
  char const* name_ = nullptr;
  std::size_t place_ = 0;
};

/// A call of an operator in a model, to be written in ONNX: its arguments, what they were when the model ran on the examples,
/// and the builder that makes nodes.
///
/// The model ran twice, on inputs of different sizes: a size that was the same in both is fixed, another is open.
/// Arguments that are constants are asked for as numbers (`integer`, `integers`, `flag`, ...), the others as values.
///
/// @par Example
///     auto hard_relu(td::onnx_call const& call) -> std::vector<td::onnx_value> {
///       auto const dtype = call.dtype("self");
///       return {call.onnx.emit("Clip", {call.tensor("self"), call.onnx.scalar(0, dtype), call.onnx.scalar(1, dtype)})};
///     }
class onnx_call {
 public:
  onnx_builder& onnx;

  /// "aten::conv2d"; of an operator that writes in place the name without the underscore.
  [[nodiscard]] std::string const& name() const { return name_; }

  /// Is the argument there, and not None?
  [[nodiscard]] bool has(onnx_argument argument) const {
    auto const* const found = find(argument);
    return found && !(*found)->seen[0].isNone() &&
           !((*found)->seen[0].isTensor() && !(*found)->seen[0].toTensor().defined());
  }
  /// Was it the same in both runs, and does it depend on no input?
  [[nodiscard]] bool is_constant(onnx_argument argument) const {
    return detail::dependence_of(at(argument)) == detail::dependence::none;
  }
  [[nodiscard]] bool is_tensor(onnx_argument argument) const { return at(argument)->seen[0].isTensor(); }

  // --- constants ------------------------------------------------------------------------------------------------------
  /// @throws export_error 902: it depends on what the model is given
  [[nodiscard]] c10::IValue const& constant(onnx_argument argument) const {
    if (!is_constant(argument))
      refuse("expected a constant argument " + argument.text() + ", got one that depends on the inputs");
    return at(argument)->seen[0];
  }
  [[nodiscard]] std::int64_t integer(onnx_argument argument) const { return to_integer(constant(argument)); }
  [[nodiscard]] std::int64_t integer_or(onnx_argument argument, std::int64_t otherwise) const {
    return has(argument) ? integer(argument) : otherwise;
  }
  [[nodiscard]] double number(onnx_argument argument) const {
    auto const& value = constant(argument);
    return value.isTensor() ? value.toTensor().item().toDouble() : value.toScalar().toDouble();
  }
  [[nodiscard]] double number_or(onnx_argument argument, double otherwise) const {
    return has(argument) ? number(argument) : otherwise;
  }
  [[nodiscard]] bool flag(onnx_argument argument, bool otherwise = false) const {
    if (!has(argument)) return otherwise;
    auto const& value = constant(argument);
    return value.isBool() ? value.toBool() : to_integer(value) != 0;
  }
  [[nodiscard]] std::string text(onnx_argument argument) const { return constant(argument).toStringRef(); }
  /// A list of ints, or one int.
  [[nodiscard]] std::vector<std::int64_t> integers(onnx_argument argument) const {
    if (!has(argument)) return {};
    auto const& value = constant(argument);
    if (!value.isList()) return {to_integer(value)};
    std::vector<std::int64_t> all;
    for (c10::IValue const& each : value.toList()) all.push_back(to_integer(each));
    return all;
  }
  /// One for each of `count` dimensions, where the model gives one for all.
  [[nodiscard]] std::vector<std::int64_t> integers(onnx_argument argument, std::size_t count) const {
    auto all = integers(argument);
    if (all.size() == 1) all.resize(count, all.front());
    if (all.size() != count) refuse("expected " + std::to_string(count) + " numbers as " + argument.text());
    return all;
  }
  /// An axis counted from the front, for a tensor of this rank.
  [[nodiscard]] static std::int64_t axis(std::int64_t given, std::int64_t rank) {
    return given < 0 ? given + rank : given;
  }
  [[nodiscard]] std::int64_t axis(onnx_argument argument, std::int64_t rank) const {
    return axis(integer(argument), rank);
  }
  /// Axes from the front; empty: none was named.
  [[nodiscard]] std::vector<std::int64_t> axes(onnx_argument argument, std::int64_t rank) const {
    auto all = integers(argument);
    for (auto& each : all) each = axis(each, rank);
    return all;
  }
  [[nodiscard]] at::Tensor weight(onnx_argument argument) const { return constant(argument).toTensor(); }

  // --- values ---------------------------------------------------------------------------------------------------------
  /// A tensor; nothing where it is None. Of a number a vector of one element.
  [[nodiscard]] onnx_value tensor(onnx_argument argument) const {
    return has(argument) ? read_(at(argument)) : onnx_value{};
  }
  /// The same in another dtype.
  [[nodiscard]] onnx_value tensor(onnx_argument argument, at::ScalarType dtype) const {
    return onnx.cast(tensor(argument), this->dtype(argument), dtype);
  }
  /// A tensor, or a number without dimensions, in this dtype: what two-sided operators take.
  [[nodiscard]] onnx_value operand(onnx_argument argument, at::ScalarType dtype) const {
    auto const& value = at(argument);
    if (value->seen[0].isTensor()) return tensor(argument, dtype);
    if (detail::dependence_of(value) == detail::dependence::none)
      return onnx.constant(at::scalar_tensor(value->seen[0].toScalar(), dtype));
    return onnx.squeeze(onnx.cast(read_(value), this->dtype(argument), dtype), {0});
  }
  /// The tensors of a list.
  [[nodiscard]] std::vector<onnx_value> tensors(onnx_argument argument) const {
    std::vector<onnx_value> all;
    for (auto const& each : elements(argument)) all.push_back(read_(each));
    return all;
  }
  /// A list of ints, or one, as an int64 vector.
  [[nodiscard]] onnx_value sizes(onnx_argument argument) const {
    auto const& value = at(argument);
    if (!detail::is_container(value->seen[0])) return number_vector(value);
    std::vector<onnx_value> all;
    for (auto const& each : detail::elements_of(value)) all.push_back(number_vector(each));
    if (all.empty()) return onnx.integers({});
    return onnx.concat(all, 0);
  }
  /// The list's elements, as calls see their arguments.
  [[nodiscard]] std::vector<detail::symbol> const& elements(onnx_argument argument) const {
    return detail::elements_of(at(argument));
  }
  [[nodiscard]] onnx_value read(detail::symbol const& value) const { return read_(value); }
  [[nodiscard]] onnx_value number_vector(detail::symbol const& value) const {
    if (detail::dependence_of(value) == detail::dependence::none) return onnx.integers({to_integer(value->seen[0])});
    return onnx.cast(read_(value), dtype_of(value->seen[0]), at::kLong);
  }

  // --- what the runs showed --------------------------------------------------------------------------------------------
  [[nodiscard]] at::Tensor const& shown(onnx_argument argument) const { return at(argument)->seen[0].toTensor(); }
  [[nodiscard]] at::ScalarType dtype(onnx_argument argument) const { return dtype_of(at(argument)->seen[0]); }
  [[nodiscard]] std::int64_t rank(onnx_argument argument) const { return shown(argument).dim(); }
  /// A size that is the same whatever the model is given: it was in both runs, and comes neither from data, as that of x[x > 0]
  /// does, nor from a limit to an open size.
  [[nodiscard]] std::optional<std::int64_t> fixed_size(onnx_argument argument, std::int64_t axis) const {
    return fixed_size(*at(argument), axis);
  }
  [[nodiscard]] bool is_one(onnx_argument argument, std::int64_t axis) const { return fixed_size(argument, axis) == 1; }
  /// A size as a vector of one element, fixed or open.
  [[nodiscard]] onnx_value size(onnx_argument argument, std::int64_t axis) const {
    auto const from_front = this->axis(axis, rank(argument));
    if (auto const fixed = fixed_size(argument, from_front)) return onnx.integers({*fixed});
    return onnx.size(tensor(argument), from_front);
  }
  /// All sizes as an int64 vector.
  [[nodiscard]] onnx_value shape(onnx_argument argument) const {
    std::vector<std::int64_t> fixed;
    for (std::int64_t i = 0; i < rank(argument); ++i)
      if (auto const size = fixed_size(argument, i)) fixed.push_back(*size);
    if (static_cast<std::int64_t>(fixed.size()) == rank(argument)) return onnx.integers(fixed);
    return onnx.shape(tensor(argument));
  }
  [[nodiscard]] c10::IValue const& result(std::size_t place = 0) const { return results_[0].at(place); }
  [[nodiscard]] at::ScalarType result_dtype(std::size_t place = 0) const { return dtype_of(result(place)); }
  [[nodiscard]] std::int64_t result_rank(std::size_t place = 0) const { return result(place).toTensor().dim(); }
  [[nodiscard]] std::optional<std::int64_t> fixed_result_size(std::int64_t axis, std::size_t place = 0) const {
    if (place < open_results_.size() && !open_results_[place].empty() &&
        open_results_[place].at(static_cast<std::size_t>(this->axis(axis, result_rank(place)))))
      return std::nullopt;
    auto const a = results_[0].at(place).toTensor().size(axis), b = results_[1].at(place).toTensor().size(axis);
    return a == b ? std::optional(a) : std::nullopt;
  }
  /// Is a result used at all?
  [[nodiscard]] bool is_used(std::size_t place) const { return node_->output(place)->hasUses(); }

  // --- refusals --------------------------------------------------------------------------------------------------------
  /// @throws export_error 902
  [[noreturn]] void refuse(std::string const& why, std::string_view hint = {}) const {
    detail::refuse_call(node_, why, hint);
  }

  using reader = std::function<onnx_value(detail::symbol const&)>;
  /// Made by the exporter.
  onnx_call(onnx_builder& builder, torch::jit::Node* node, std::string name, std::vector<detail::symbol> const& inputs,
            std::array<std::vector<c10::IValue>, 2> const& results, reader const& read,
            std::vector<std::vector<bool>> open_results = {})
      : onnx(builder),
        node_(node),
        name_(std::move(name)),
        inputs_(inputs),
        results_(results),
        read_(read),
        open_results_(std::move(open_results)) {}

  [[nodiscard]] torch::jit::Node* node() const { return node_; }
  [[nodiscard]] std::size_t arguments() const { return inputs_.size(); }

  static at::ScalarType dtype_of(c10::IValue const& value) {
    if (value.isTensor()) return value.toTensor().scalar_type();
    if (value.isBool()) return at::kBool;
    return value.isInt() ? at::kLong : at::kDouble;
  }
  static std::optional<std::int64_t> fixed_size(detail::symbolic const& value, std::int64_t axis) {
    auto const rank = value.seen[0].toTensor().dim();
    if (rank > 0 && value.is_open(onnx_call::axis(axis, rank))) return std::nullopt;
    auto const a = value.seen[0].toTensor().size(axis), b = value.seen[1].toTensor().size(axis);
    return a == b ? std::optional(a) : std::nullopt;
  }
  [[nodiscard]] detail::symbol const& at(onnx_argument argument) const {
    auto const* const found = find(argument);
    if (!found) refuse("expected an argument " + argument.text());
    return *found;
  }

 private:
  [[nodiscard]] detail::symbol const* find(onnx_argument argument) const {
    auto const place = argument.place(node_->maybeSchema(), inputs_.size());
    return place ? &inputs_[*place] : nullptr;
  }
  static std::int64_t to_integer(c10::IValue const& value) {
    if (value.isTensor()) return value.toTensor().item().toLong();
    return value.toScalar().toLong();
  }

  torch::jit::Node* node_;
  std::string name_;
  std::vector<detail::symbol> const& inputs_;
  std::array<std::vector<c10::IValue>, 2> const& results_;
  reader const& read_;
  std::vector<std::vector<bool>> open_results_;  ///< axes whose sizes are open though they were the same in both runs
};

/// What the exporter must know of an operator beside its function.
struct onnx_lowering_options {
  bool sized_by_data = false;  ///< how many rows its results have depends on what is in its inputs, as with `nonzero`
};

/// Writes one call in ONNX: the values of its results, or of the elements of the list that it gives. Made of a function, with
/// options where there are any: `{nms, {.sized_by_data = true}}`.
class onnx_lowering {
 public:
  onnx_lowering() = default;
  template <class Function>
    requires std::is_invocable_r_v<std::vector<onnx_value>, Function const&, onnx_call const&>
  onnx_lowering(Function function, onnx_lowering_options options = {})
      : write_(std::move(function)), options_(options) {}

  std::vector<onnx_value> operator()(onnx_call const& call) const { return write_(call); }
  explicit operator bool() const { return static_cast<bool>(write_); }
  [[nodiscard]] bool sized_by_data() const { return options_.sized_by_data; }

 private:
  std::function<std::vector<onnx_value>(onnx_call const&)> write_{};
  onnx_lowering_options options_{};
};

/// Operators that a user adds, or writes in another way: {"my::hard_relu", hard_relu}.
using onnx_lowerings = std::map<std::string, onnx_lowering>;

}  // namespace torchdeploy::inline v0

#endif
