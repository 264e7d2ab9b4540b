#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/backend/results.hpp>
#include <torchdeploy/detail/libtorch/rewriting.hpp>
#include <torchdeploy/detail/names.hpp>
#include <torchdeploy/detail/no_grad.hpp>
#include <torchdeploy/format/onnx.hpp>
#include <torchdeploy/onnx/export_options.hpp>
#include <torchdeploy/onnx/exporter.hpp>
#include <torchdeploy/onnx/model_writer.hpp>
#include <torchdeploy/onnx/open_sizes.hpp>
#include <torchdeploy/onnx/output_names.hpp>
#include <torchdeploy/onnx/simplify.hpp>
#include <torchdeploy/verification/batch.hpp>

namespace torchdeploy::inline v0::detail {

/// One export: what was asked for, the graph, and the inputs of two sizes that it is run on.
class onnx_export {
 public:
  /// Module and options must outlive it.
  onnx_export(torch::jit::Module const& module, export_onnx_options const& options, example const& inputs,
              std::shared_ptr<jit::Graph> graph, second_run how, evaluation of_data)
      : module_(module),
        options_(options),
        method_(module.get_method(options.method)),
        onnx_(options.opset),
        how_(how),
        of_data_(of_data),
        graph_(std::move(graph)) {
    read_arguments(inputs);
    choose_sizes();
  }
  onnx_export(torch::jit::Module const&, export_onnx_options&&, example const&, std::shared_ptr<jit::Graph>, second_run,
              evaluation) = delete;

  static std::shared_ptr<jit::Graph> graph_of(torch::jit::Module const& module, std::string const& method) {
    auto graph = settled_graph(module, method);
    jit::InlineForkWait(graph);
    remove_no_grad(*graph);
    name_layers(*graph);
    return graph;
  }

  /// The graph in ONNX.
  /// @throws export_error (901 operators that have no lowering, 902, 903, 904)
  void build(calls_of_nodes& open_calls) {
    c10::InferenceMode const inference;
    make_inputs();
    onnx_exporter exporter(onnx_, options_.operators, open_calls, of_data_);
    auto const result = run(exporter);
    note_frozen();
    note_steps();
    notes_.insert(notes_.end(), exporter.notes().begin(), exporter.notes().end());
    make_outputs(exporter, result, "output");
    if (exporter.asks_for_ones()) check_ones();
    name_outputs(text_, options_);
    name_output_sizes(text_, options_, open_, notes_);

    std::vector<onnx_value> outputs;
    for (auto const& each : text_.outputs) outputs.push_back(each.value);
    drop_unused(onnx_, outputs);
    fold_batch_norms(onnx_, outputs);
    drop_unused(onnx_, outputs);
    text_.name = module_.type()->name() ? module_.type()->name()->name() : "model";
  }
  /// As bytes.
  onnx_written write(std::map<std::string, std::string> metadata) {
    c10::InferenceMode const inference;
    text_.metadata = std::move(metadata);
    return onnx_model_writer(onnx_, text_).write(options_.external_data);
  }
  void note(std::string text) { notes_.push_back(std::move(text)); }
  [[nodiscard]] std::vector<std::string> const& notes() const { return notes_; }
  [[nodiscard]] std::vector<open_size> const& open_sizes() const { return open_; }
  [[nodiscard]] std::vector<onnx_open_size> open_inputs() const {
    std::vector<onnx_open_size> all;
    for (auto const& each : open_) {
      onnx_open_size size{each.name, {}, is_by_steps(how_) ? size_step(each.sizes[0]) : 1};
      for (std::size_t i = 0; i < tensors_.size(); ++i)
        for (auto const& [axis, name] : tensors_[i].open)
          if (name == each.name) size.places.emplace_back(i, axis);
      all.push_back(std::move(size));
    }
    return all;
  }
  /// Is any but a batch open?
  [[nodiscard]] bool has_lengths() const { return has_lengths_; }
  [[nodiscard]] double evaluation_seconds() const { return evaluation_seconds_; }

 private:
  struct tensor_input {
    std::string name;
    at::Tensor tensor;
    std::map<std::int64_t, std::string> open{};
  };

  /// @throws export_error 901 whatever else there is to refuse: with all that is missing
  symbol run(onnx_exporter& exporter) {
    std::exception_ptr refusal;
    symbol result;
    try {
      result = exporter.run(*graph_, arguments_);
    } catch (export_error const&) {
      refusal = std::current_exception();
    }
    evaluation_seconds_ = exporter.evaluation_seconds();
    auto refusals = exporter.refusals();
    if (refusal) refusals.push_back(refusal);
    refuse_missing(exporter.missing(), refusals);
    if (!refusals.empty()) std::rethrow_exception(refusals.front());
    return result;
  }

  void note_frozen() {
    auto const& arguments = method_.function().getSchema().arguments();
    for (std::size_t i = 0; i < values_.size(); ++i)
      if (values_[i].isScalar() || values_[i].isString())
        notes_.push_back("'" + arguments[i + 1].name() + "' is no tensor: it is as in the example");
  }
  void note_steps() {
    for (auto const& each : open_)
      if (is_by_steps(how_) && size_step(each.sizes[0]) > 2)
        notes_.push_back("'" + each.name + "' is " + std::to_string(each.sizes[0]) +
                         ", or more or less by multiples of " + std::to_string(size_step(each.sizes[0])) +
                         ": at other sizes this model is another");
  }

  // --- inputs --------------------------------------------------------------------------------------------------------
  void read_arguments(example const& inputs) {
    auto const& schema = method_.function().getSchema();
    for (std::size_t i = 1; i < schema.arguments().size(); ++i) {
      auto const& argument = schema.arguments()[i];
      if (i - 1 < inputs.size())
        values_.push_back(inputs[i - 1]);
      else if (argument.default_value())
        values_.push_back(*argument.default_value());
      else
        throw export_error(errc::export_raised, "expected an example with '" + argument.name() + "', got " +
                                                    std::to_string(inputs.size()) + " arguments");
      collect(values_.back(), argument.name());
    }
    if (options_.inputs.empty()) return;
    if (options_.inputs.size() != tensors_.size())
      throw export_error(errc::export_options_conflict, "expected " + std::to_string(tensors_.size()) +
                                                            " names of inputs, got " +
                                                            std::to_string(options_.inputs.size()));
    refuse_same_names(options_.inputs, "inputs");
    for (std::size_t i = 0; i < tensors_.size(); ++i) tensors_[i].name = options_.inputs[i];
  }
  void collect(c10::IValue const& value, std::string const& name) {
    if (value.isTensor() && value.toTensor().defined()) {
      tensors_.push_back({name, value.toTensor()});
    } else if (value.isTuple() || value.isList()) {
      std::int64_t i = 0;
      if (value.isTuple())
        for (auto const& each : value.toTupleRef().elements()) collect(each, name_below(name, i++));
      else
        for (c10::IValue const& each : value.toList()) collect(each, name_below(name, i++));
    } else if (value.isGenericDict()) {
      for (auto const& item : value.toGenericDict()) collect(item.value(), name_below(name, item.key()));
    }
  }

  void choose_sizes() {
    if (options_.dynamic_axes.are_given()) {
      for (auto const& [name, axes] : options_.dynamic_axes.given()) {
        auto const found =
            std::find_if(tensors_.begin(), tensors_.end(), [&](auto const& each) { return each.name == name; });
        if (found == tensors_.end()) continue;  // it may be an output's
        for (auto const& [axis, open] : axes) {
          auto const rank = found->tensor.dim();
          auto const from_front = axis < 0 ? axis + rank : axis;
          if (from_front < 0 || from_front >= rank)
            throw export_error(
                errc::export_options_conflict,
                "expected an axis of '" + name + "' below " + std::to_string(rank) + ", got " + std::to_string(axis));
          found->open[from_front] = open;
        }
      }
    } else if (batch_of(values_).first >= 0) {
      for (auto& each : tensors_) each.open[0] = "batch";
    }
    for (auto const& each : tensors_)
      for (auto const& [axis, name] : each.open) {
        auto const size = each.tensor.size(axis);
        is_resized_ = is_resized_ || first_size(size) != size;
        has_lengths_ = has_lengths_ || axis > 0;
        auto const known = std::find_if(open_.begin(), open_.end(),
                                        [&, &name = name](auto const& other) { return other.name == name; });
        if (known != open_.end()) {
          if (known->sizes[0] != first_size(size))
            throw export_error(errc::export_options_conflict, "expected one size for '" + name + "', got " +
                                                                  std::to_string(size) + " in '" + each.name +
                                                                  "' and " + std::to_string(known->sizes[0]));
          continue;
        }
        open_.push_back({name, {first_size(size), second_size(first_size(size), how_)}});
      }
    settle_steps();
  }
  /// One is a size of its own: broadcasts, squeezes and branches ask for it.
  static std::int64_t first_size(std::int64_t size) { return std::max<std::int64_t>(size, 2); }
  /// No two open sizes may come out as the same pair: which is which could not be told.
  void settle_steps() {
    for (std::size_t i = 0; i < open_.size(); ++i)
      for (std::size_t j = 0; j < i;) {
        bool const same = open_[i].sizes == open_[j].sizes;
        if (same) open_[i].sizes[1] = next_second_size(open_[i].sizes);
        j = same ? 0 : j + 1;
      }
  }

  void make_inputs() {
    std::size_t next = 0;
    auto const& self = module_._ivalue();
    arguments_.push_back(constant_symbol(self, self));
    for (auto const& each : values_) arguments_.push_back(input_symbol(each, next));
  }
  symbol input_symbol(c10::IValue const& value, std::size_t& next) {
    if (value.isTensor() && value.toTensor().defined()) {
      auto const& input = tensors_[next++];
      auto made = std::make_shared<symbolic>();
      made->depends_on = dependence::data;
      made->value = onnx_.input(input.tensor.scalar_type());
      onnx_port port{made->value, input.name, input.tensor.scalar_type(), {}};
      for (std::size_t run = 0; run < 2; ++run) {
        auto sized = input.tensor;
        for (auto const& [axis, name] : input.open) sized = resized(sized, axis, open_named(name).sizes[run]);
        made->seen[run] = sized.clone();
      }
      for (std::int64_t axis = 0; axis < input.tensor.dim(); ++axis) {
        auto const open = input.open.find(axis);
        port.sizes.emplace_back(input.tensor.size(axis), open == input.open.end() ? std::string() : open->second);
      }
      text_.inputs.push_back(std::move(port));
      return made;
    }
    if (!value.isTuple() && !value.isList() && !value.isGenericDict()) return constant_symbol(value, value);
    std::vector<symbol> parts;
    if (value.isTuple())
      for (auto const& each : value.toTupleRef().elements()) parts.push_back(input_symbol(each, next));
    else if (value.isList())
      for (c10::IValue const& each : value.toList()) parts.push_back(input_symbol(each, next));
    else
      for (auto const& item : value.toGenericDict()) parts.push_back(input_symbol(item.value(), next));
    auto container = constant_symbol({}, {});
    for (std::size_t run = 0; run < 2; ++run) container->seen[run] = rebuilt(value, parts, run);
    container->elements = std::move(parts);
    return container;
  }
  static c10::IValue rebuilt(c10::IValue const& like, std::vector<symbol> const& parts, std::size_t run) {
    if (like.isTuple()) {
      std::vector<c10::IValue> elements;
      for (auto const& each : parts) elements.push_back(each->seen[run]);
      return c10::ivalue::Tuple::create(std::move(elements));
    }
    if (like.isList()) {
      c10::impl::GenericList list(like.toList().elementType());
      for (auto const& each : parts) list.push_back(each->seen[run]);
      return list;
    }
    auto const dict = like.toGenericDict();
    c10::impl::GenericDict made(dict.keyType(), dict.valueType());
    std::size_t i = 0;
    for (auto const& item : dict) made.insert(item.key(), parts[i++]->seen[run]);
    return made;
  }
  open_size const& open_named(std::string const& name) const {
    return *std::find_if(open_.begin(), open_.end(), [&](auto const& each) { return each.name == name; });
  }

  // --- outputs -------------------------------------------------------------------------------------------------------
  void make_outputs(onnx_exporter& exporter, symbol const& value, std::string const& name) {
    auto const& seen = value->seen[0];
    if (is_container(seen)) {
      auto const& all = elements_of(value);
      if (seen.isGenericDict()) {
        std::size_t i = 0;
        for (auto const& item : seen.toGenericDict()) make_outputs(exporter, all[i++], name_below(name, item.key()));
        return;
      }
      for (std::size_t i = 0; i < all.size(); ++i)
        make_outputs(exporter, all[i], name_below(name, static_cast<std::int64_t>(i)));
      return;
    }
    if (seen.isNone()) return;
    if (!seen.isTensor() && !seen.isScalar() && !seen.isBool())
      throw export_error(errc::not_exportable,
                         "expected outputs that are tensors, got " + seen.tagKind() + " as " + name);
    auto made = exporter.read(value);
    auto const dtype = onnx_call::dtype_of(seen);
    auto const tensor =
        seen.isTensor() ? std::array{seen.toTensor(), value->seen[1].toTensor()}
                        : std::array{at::scalar_tensor(seen.toScalar()), at::scalar_tensor(value->seen[1].toScalar())};
    if (!seen.isTensor()) made = onnx_.squeeze(made, {0});
    onnx_port port{own_output(made), name, dtype, {}};
    for (std::int64_t axis = 0; axis < tensor[0].dim(); ++axis) {
      auto const first = tensor[0].size(axis), second = tensor[1].size(axis);
      std::string open;
      bool const differs = first != second || value->is_open(axis);
      if (differs && !value->is_open(axis)) open = name_of_sizes(open_, first, second);
      if (differs && open.empty()) open = name + "_dim_" + std::to_string(axis);
      port.sizes.emplace_back(first, std::move(open));
    }
    text_.outputs.push_back(std::move(port));
  }
  /// An input, a constant and what is an output already are outputs by a node of their own, which has the name.
  onnx_value own_output(onnx_value made) {
    auto const taken = [&](auto const& ports) {
      return std::any_of(ports.begin(), ports.end(), [&](auto const& each) { return each.value == made; });
    };
    if (!taken(text_.inputs) && !taken(text_.outputs) && !onnx_.constant_of(made)) return made;
    return onnx_.identity(made);
  }
  /// The model ran at sizes of 2 and more. Where the example has a 1, and something in the model goes by that, what it gives
  /// there must have the ranks that are in the file.
  /// @throws export_error 902
  void check_ones() {
    if (!is_resized_) return;
    jit::Stack inputs;
    for (auto const& each : values_) inputs.push_back(each.deepcopy());
    std::vector<at::Tensor> tensors;
    try {
      leaves_of(method_(std::move(inputs)), tensors);
    } catch (std::exception const&) {
      return;  // it is a model of other sizes
    }
    bool same = tensors.size() == text_.outputs.size();
    for (std::size_t i = 0; same && i < tensors.size(); ++i)
      same = tensors[i].dim() == static_cast<std::int64_t>(text_.outputs[i].sizes.size());
    if (same) return;
    throw export_error(
        errc::not_exportable,
        "expected outputs of the same rank at the example's size of 1 and at others: it is squeezed, or asked for",
        ".dynamic_axes = {{}} fixes all sizes");
  }
  static void leaves_of(c10::IValue const& value, std::vector<at::Tensor>& all) {
    if (value.isTensor())
      all.push_back(value.toTensor());
    else if (value.isTuple())
      for (auto const& each : value.toTupleRef().elements()) leaves_of(each, all);
    else if (value.isList())
      for (c10::IValue const& each : value.toList()) leaves_of(each, all);
    else if (value.isGenericDict())
      for (auto const& item : value.toGenericDict()) leaves_of(item.value(), all);
    else if (value.isScalar())
      all.push_back(at::scalar_tensor(value.toScalar()));
  }

  torch::jit::Module const& module_;
  export_onnx_options const& options_;
  torch::jit::Method method_;
  onnx_builder onnx_;
  second_run how_;
  evaluation of_data_;
  double evaluation_seconds_ = 0;
  bool is_resized_ = false;  ///< an open size of the example's is 1
  bool has_lengths_ = false;
  std::vector<std::string> notes_{};
  std::shared_ptr<jit::Graph> graph_;
  example values_{};
  std::vector<tensor_input> tensors_{};
  std::vector<open_size> open_{};
  std::vector<symbol> arguments_{};
  onnx_model_text text_{};
};

}  // namespace torchdeploy::inline v0::detail

#endif
