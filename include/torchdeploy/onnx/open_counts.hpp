#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <torchdeploy/detail/libtorch/model_graph.hpp>
#include <torchdeploy/onnx/shape_only.hpp>
#include <torchdeploy/onnx/symbolic.hpp>

/// Numbers and sizes that were the same in both runs and are open for all that: how many elements of x are positive, or the
/// smaller of an open size and 512. In a third run, of shapes and numbers alone, each of them is another; what differs there
/// is open too.
namespace torchdeploy::inline v0::detail {

using operator_names = std::unordered_set<std::string_view>;

/// Far enough for strides and halves to leave it another, and a multiple, as shapes ask for.
inline std::int64_t other_count(std::int64_t count) {
  constexpr std::int64_t times = 12;
  return count == 0 ? times : times * count;
}
/// A number, or a tensor that stands for one, as traces have them.
inline bool is_number(c10::IValue const& value) {
  if (value.isInt() || value.isDouble()) return true;
  return value.isTensor() && value.toTensor().defined() && value.toTensor().dim() == 0 &&
         c10::isIntegralType(value.toTensor().scalar_type(), /*includeBool=*/false);
}
inline c10::IValue other_number(c10::IValue const& value) {
  if (value.isInt()) return other_count(value.toInt());
  if (value.isDouble()) return value.toDouble() == 0 ? 12.0 : 12.0 * value.toDouble();
  return at::scalar_tensor(other_count(value.toTensor().item().toLong()), value.toTensor().options());
}
inline bool has_rank(c10::IValue const& value) {
  return value.isTensor() && value.toTensor().defined() && value.toTensor().dim() > 0;
}
/// A tensor of other sizes along some axes.
inline c10::IValue with_other_sizes(c10::IValue const& seen, std::vector<bool> const& axes) {
  auto sizes = seen.toTensor().sizes().vec();
  for (std::size_t i = 0; i < sizes.size(); ++i)
    if (axes.at(i)) sizes[i] = other_count(sizes[i]);
  return untouched_zeros(sizes, seen.toTensor().scalar_type());
}
inline c10::IValue with_other_size(c10::IValue const& seen, std::int64_t axis) {
  std::vector<bool> axes(static_cast<std::size_t>(seen.toTensor().dim()));
  axes.at(static_cast<std::size_t>(axis < 0 ? axis + seen.toTensor().dim() : axis)) = true;
  return with_other_sizes(seen, axes);
}

inline bool has_open(symbol const& value) {
  if (value->elements) return std::any_of(value->elements->begin(), value->elements->end(), has_open);
  return value->elsewhere.has_value();
}
/// None where it can't be told.
inline c10::IValue elsewhere_of(symbol const& value) {
  if (!has_open(value)) return value->seen[0];
  if (!value->elements) return *value->elsewhere;
  std::vector<c10::IValue> parts;
  for (auto const& each : *value->elements) {
    parts.push_back(elsewhere_of(each));
    if (has_open(each) && parts.back().isNone()) return {};
  }
  if (value->seen[0].isTuple()) return c10::ivalue::Tuple::create(std::move(parts));
  if (!value->seen[0].isList()) return {};
  c10::impl::GenericList list(value->seen[0].toList().elementType());
  for (auto& each : parts) list.push_back(std::move(each));
  return list;
}
/// The axes along which a result is of another size elsewhere; empty: none.
inline std::vector<bool> open_axes_of(c10::IValue const& seen, std::optional<c10::IValue> const& elsewhere) {
  if (!elsewhere || !has_rank(seen)) return {};
  auto const sizes = seen.toTensor().sizes();
  std::vector<bool> axes(sizes.size(), true);
  if (!elsewhere->isTensor() || elsewhere->toTensor().dim() != seen.toTensor().dim()) return axes;
  for (std::size_t i = 0; i < axes.size(); ++i)
    axes[i] = sizes[i] != elsewhere->toTensor().size(static_cast<std::int64_t>(i));
  return std::find(axes.begin(), axes.end(), true) == axes.end() ? std::vector<bool>() : axes;
}

/// Is it true and false of the elements of a tensor?
inline bool is_mask(c10::IValue const& value) {
  return value.isTensor() && value.toTensor().defined() &&
         (value.toTensor().scalar_type() == at::kBool || value.toTensor().scalar_type() == at::kByte);
}

/// Does how many rows its results have depend on what is in the inputs? `flagged`: its row in the table says so.
inline bool counts_data(jit::Node const* node, std::vector<symbol> const& inputs, bool flagged) {
  auto const is_data = [](symbol const& each) { return dependence_of(each) == dependence::data; };
  if (flagged) return std::any_of(inputs.begin(), inputs.end(), is_data);
  if (inputs.empty()) return false;
  if (is_operator(node, "aten::where")) return inputs.size() == 1 && is_data(inputs[0]);
  if (is_operator(node, "aten::_pack_padded_sequence")) return is_data(inputs[1]);
  if (is_operator(node, "aten::repeat_interleave")) {
    auto const& repeats = inputs[inputs.size() > 2 ? 1 : 0];
    return repeats->seen[0].isTensor() && is_data(repeats);
  }
  if (is_operator(node, "aten::one_hot"))  // without a number of classes
    return is_data(inputs[0]) && inputs[1]->seen[0].isInt() && inputs[1]->seen[0].toInt() < 0;
  if (!is_operator(node, "aten::index")) return false;
  auto const& indices = elements_of(inputs[1]);
  return std::any_of(indices.begin(), indices.end(),
                     [&](symbol const& each) { return is_mask(each->seen[0]) && is_data(each); });
}

/// Is a number that comes from data among what a tensor is made with? It may be a size.
inline bool takes_number_of_data(jit::Node const* node, std::vector<symbol> const& inputs) {
  static operator_names const of_each_element = {"add", "sub", "mul", "div", "rsub", "pow"};
  if (of_each_element.contains(operator_name(node))) return false;
  auto const is_tensor = [](jit::Value const* each) {
    auto const list = each->type()->cast<c10::ListType>();
    return (list ? list->getElementType() : each->type())->kind() == c10::TypeKind::TensorType;
  };
  if (std::none_of(node->outputs().begin(), node->outputs().end(), is_tensor)) return false;
  auto const counts = [](auto const& self, symbol const& each) -> bool {
    if (each->elements)
      return std::any_of(each->elements->begin(), each->elements->end(),
                         [&](symbol const& x) { return self(self, x); });
    return (each->seen[0].isInt() || each->seen[0].isDouble()) && dependence_of(each) == dependence::data;
  };
  return std::any_of(inputs.begin(), inputs.end(), [&](symbol const& each) { return counts(counts, each); });
}

/// Limits and quotients of numbers that differ between the runs: equal results say nothing of other sizes.
inline bool rounds_open_sizes(jit::Node const* node, std::vector<symbol> const& inputs) {
  static operator_names const rounding = {"prim::min",       "prim::max",       "aten::min",
                                          "aten::max",       "aten::minimum",   "aten::maximum",
                                          "aten::clamp",     "aten::clamp_min", "aten::clamp_max",
                                          "aten::clip",      "aten::floordiv",  "aten::floor_divide",
                                          "aten::remainder", "aten::fmod",      "aten::div",
                                          "aten::Int",       "aten::ceil",      "aten::floor",
                                          "aten::round",     "aten::trunc",     "aten::__round_to_zero_floordiv"};
  if (!rounding.contains(node->kind().toQualString())) return false;
  return std::any_of(inputs.begin(), inputs.end(),
                     [](symbol const& each) { return has_open(each) || !same_value(each->seen[0], each->seen[1]); });
}

/// The third run.
class other_counts {
 public:
  using results = std::vector<std::optional<c10::IValue>>;

  /// What a node gives elsewhere, where that is not what it gave in the first run. `counts`: see counts_data; `opens`: numbers
  /// that it gives are open whatever it is given.
  results operator()(jit::Node* node, jit::Operation& operation, std::vector<symbol> const& inputs,
                     std::vector<c10::IValue> const& seen, bool counts, bool opens) {
    results made(seen.size());
    bool const is_given = std::any_of(inputs.begin(), inputs.end(), has_open);
    static operator_names const keeping_sizes = {"index_put", "_index_put_impl", "masked_scatter",
                                                 "scatter",   "index_add",       "index_copy"};
    if ((is_given || counts) && keeping_sizes.contains(operator_name(node))) return {inputs[0]->elsewhere};
    std::optional<jit::Stack> found;
    if (counts)
      found = counted(node, operation, inputs, seen);
    else if (is_given)
      found = ran(node, operation, inputs, seen);
    for (std::size_t i = 0; i < seen.size(); ++i) {
      if ((is_given || counts) && !seen[i].isBool() && !seen[i].isString())
        made[i] = found && i < found->size() ? std::move((*found)[i]) : c10::IValue();
      if (is_number(seen[i])) {
        bool const known = made[i] && !made[i]->isNone();
        if (known && same_value(*made[i], seen[i])) made[i].reset();
        if (opens ? !made[i] || made[i]->isNone() : made[i] && !known) made[i] = other_number(seen[i]);
      } else if (made[i] && (has_rank(seen[i]) || seen[i].isTensor())) {
        // a place in a tensor says nothing of its sizes
        bool const picks = !found && is_operator(node, "aten::select") && inputs[0]->open_axes.empty();
        if (picks || open_axes_of(seen[i], made[i]).empty()) made[i].reset();
      } else if (made[i] && made[i]->isList() && seen[i].isList()) {
        if (made[i]->toListRef().size() != seen[i].toListRef().size()) made[i] = c10::IValue();
      }
    }
    if (!seen.empty() && has_rank(seen[0])) limit(node, inputs, seen[0], made[0]);
    return made;
  }

 private:
  /// A part of an axis that is open is open, though it was a whole one in all three runs.
  static void limit(jit::Node const* node, std::vector<symbol> const& inputs, c10::IValue const& seen,
                    std::optional<c10::IValue>& made) {
    bool const cuts = is_operator(node, "aten::slice") || is_operator(node, "aten::narrow");
    if (!cuts || !inputs[0]->seen[0].isTensor() || !inputs[1]->seen[0].isInt()) return;
    auto const rank = seen.toTensor().dim();
    auto const axis = (inputs[1]->seen[0].toInt() + rank) % rank;
    bool const open = is_operator(node, "aten::narrow")
                          ? has_open(inputs[3])
                          : inputs[0]->is_open(axis) || std::any_of(inputs.begin() + 2, inputs.end(),
                                                                    [](auto const& each) { return has_open(each); });
    if (!open) return;
    auto axes = open_axes_of(seen, made);
    axes.resize(static_cast<std::size_t>(rank));
    if (axes[static_cast<std::size_t>(axis)]) return;
    axes[static_cast<std::size_t>(axis)] = true;
    made = with_other_sizes(seen, axes);
  }

  /// How many rows there are is another number.
  std::optional<jit::Stack> counted(jit::Node* node, jit::Operation& operation, std::vector<symbol> const& inputs,
                                    std::vector<c10::IValue> const& seen) {
    if (is_operator(node, "aten::index")) return indexed(node, operation, inputs);
    std::int64_t axis = 0;
    if (is_operator(node, "aten::repeat_interleave") && inputs.size() > 2 && inputs[2]->seen[0].isInt())
      axis = inputs[2]->seen[0].toInt();
    jit::Stack made;
    for (auto const& each : seen) {
      if (each.isTensorList()) {
        auto list = each.toTensorList().copy();
        for (std::size_t i = 0; i < list.size(); ++i) list.set(i, with_other_size(list.get(i), 0).toTensor());
        made.emplace_back(std::move(list));
      } else {
        made.push_back(has_rank(each) ? with_other_size(each, axis) : c10::IValue());
      }
    }
    return made;
  }
  /// A mask is as many places as are true in it.
  std::optional<jit::Stack> indexed(jit::Node* node, jit::Operation& operation, std::vector<symbol> const& inputs) {
    c10::impl::GenericList places(inputs[1]->seen[0].toList().elementType());
    for (auto const& each : elements_of(inputs[1])) {
      if (!is_mask(each->seen[0])) {
        places.push_back(elsewhere_of(each));
        continue;
      }
      auto const& mask = each->seen[0].toTensor();
      auto const count = at::count_nonzero(mask).item().toLong();
      for (std::int64_t i = 0; i < mask.dim(); ++i)
        places.push_back(
            untouched_zeros({dependence_of(each) == dependence::data ? other_count(count) : count}, at::kLong));
    }
    auto from = elsewhere_of(inputs[0]);
    if (!from.isTensor()) return {};
    return attempted([&] { return shapes_(node, operation, {std::move(from), std::move(places)}); });
  }

  std::optional<jit::Stack> ran(jit::Node* node, jit::Operation& operation, std::vector<symbol> const& inputs,
                                std::vector<c10::IValue> const& seen) {
    if (is_operator(node, "aten::_pad_packed_sequence")) {
      constexpr std::size_t batch_first = 2, total_length = 4;
      if (inputs[total_length]->seen[0].toInt() > 0) return jit::Stack(seen);
      return jit::Stack{with_other_size(seen[0], inputs[batch_first]->seen[0].toBool() ? 1 : 0), seen[1]};
    }
    if (auto const* const schema = node->maybeSchema();
        schema && schema->arguments().size() > 1 &&
        schema->arguments()[1].name() == "batch_sizes") {  // of a packed sequence
      jit::Stack made(seen);
      made[0] = with_other_size(seen[0], 0);
      return made;
    }
    if (auto const* const schema = node->maybeSchema(); schema && schema->is_vararg()) return {};
    jit::Stack stack;
    bool of_numbers = true;
    for (auto const& each : inputs) {
      stack.push_back(elsewhere_of(each));
      if (stack.back().isNone() && has_open(each)) return {};
      of_numbers = of_numbers && (is_number(stack.back()) || !(stack.back().isTensor() || stack.back().isTensorList()));
    }
    bool const gives_tensor = std::any_of(seen.begin(), seen.end(), [](auto const& each) { return has_rank(each); });
    bool const gives_numbers = std::all_of(seen.begin(), seen.end(), [](c10::IValue const& each) {
      return is_number(each) || each.isIntList() || each.isBool();
    });
    if ((of_numbers && !gives_tensor) || (gives_numbers && is_about_sizes(node)))
      return attempted([&] {
        operation(stack);
        return std::optional(std::move(stack));
      });
    if (of_numbers) {  // a factory, of which any tensor may be the stand-in: its sizes are what it is given
      for (auto const& each : seen)
        if (has_rank(each) && !fits_in_memory(stack)) return {};
      return attempted([&] {
        operation(stack);
        return std::optional(std::move(stack));
      });
    }
    return attempted([&] { return shapes_(node, operation, stack); });
  }
  static bool is_about_sizes(jit::Node const* node) {
    static operator_names const all = {"aten::size",     "aten::len",   "aten::numel",
                                       "aten::sym_size", "prim::shape", "aten::dim"};
    return all.contains(node->kind().toQualString());
  }
  /// Sizes, multiplied.
  static bool fits_in_memory(jit::Stack const& stack) {
    constexpr double most = 1 << 24;
    double product = 1;
    auto const take = [&](c10::IValue const& each) {
      if (each.isInt()) product *= std::max(1.0, static_cast<double>(each.toInt()));
      if (each.isDouble()) product *= std::max(1.0, each.toDouble());
    };
    for (auto const& each : stack) {
      take(each);
      if (each.isIntList())
        for (auto const size : each.toIntVector()) take(size);
    }
    return product <= most;
  }

  template <class Run>
  static std::optional<jit::Stack> attempted(Run const& run) {
    try {
      return run();
    } catch (std::exception const&) {  // not at these sizes
      return {};
    }
  }

  shape_runner shapes_{};
};

}  // namespace torchdeploy::inline v0::detail

#endif
