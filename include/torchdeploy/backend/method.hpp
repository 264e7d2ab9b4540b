#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <exception>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <torchdeploy/backend/process_settings.hpp>
#include <torchdeploy/backend/results.hpp>
#include <torchdeploy/backend/tensor_check.hpp>
#include <torchdeploy/backend/tensor_info.hpp>
#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/failure.hpp>
#include <torchdeploy/detail/names.hpp>

namespace torchdeploy::inline v0 {

/// What a deployment for one of LibTorch's interpreters may be told.
struct interpreter_options {
  std::string method = "forward";                  ///< which method the session calls
  thread_counts threads{};                         ///< see `configure`: these two are the process's
  std::optional<int> primitive_cache_capacity{};  ///<
};

namespace detail {

inline void settle_process(interpreter_options const& options) {
  configure({options.threads, options.primitive_cache_capacity});
  operators_ran = true;
}

/// A copy of a model's state. Packed int8 weights, which nothing writes to, stay shared: what oneDNN compiles at the first
/// call is kept inside them.
inline c10::intrusive_ptr<c10::ivalue::Object> copy_of_state(c10::intrusive_ptr<c10::ivalue::Object> const& self) {
  c10::IValue::HashIdentityIValueMap shared;
  auto const share_packed = [&](auto const& again, c10::ivalue::Object const& object) -> void {
    for (auto const& each : object.slots()) {
      if (!each.isObject()) continue;
      auto const& name = each.toObjectRef().type()->name()->qualifiedName();
      if (name.starts_with("__torch__.torch.classes.quantized."))
        shared.emplace(each, each);
      else
        again(again, each.toObjectRef());
    }
  };
  share_packed(share_packed, *self);
  return self->deepcopy(shared);
}

}  // namespace detail

/// A method of a model that one of LibTorch's interpreters runs, resolved once, callable from several threads.
///
/// A call costs what the interpreter costs: one stack, which it needs, and no look-up by name, no copy of the schema.
/// Calls run in `c10::InferenceMode`. Threads may share it unless the model writes its own state.
///
/// `Interpreter` has `run(stack)`, which takes the arguments from the stack and leaves the result there.
template <class Interpreter>
class interpreted_method {
 public:
  /// `self` is the module's object, the first argument of every call.
  interpreted_method(c10::intrusive_ptr<c10::ivalue::Object> self, Interpreter interpreter, c10::FunctionSchema schema)
      : self_(std::move(self)), interpreter_(std::move(interpreter)), schema_(std::move(schema)) {
    auto const& arguments = schema_.arguments();
    bool const tensors = std::all_of(arguments.begin() + 1, arguments.end(), [](c10::Argument const& each) {
      return each.type()->kind() == c10::TypeKind::TensorType;
    });
    tensor_arguments_ = tensors ? arguments.size() - 1 : static_cast<std::size_t>(-1);
  }

  /// What the method takes: names and types, as its code has no dtypes or shapes.
  [[nodiscard]] std::vector<tensor_info> inputs() const {
    std::vector<tensor_info> all;
    for (std::size_t i = 1; i < schema_.arguments().size(); ++i)
      all.push_back({.name = schema_.arguments()[i].name(), .type = schema_.arguments()[i].type()->annotation_str()});
    return all;
  }
  /// What it gives: "output", or "output_0", "output_1" of a tuple.
  [[nodiscard]] std::vector<tensor_info> outputs() const {
    std::vector<tensor_info> all;
    for (auto const& each : schema_.returns()) detail::describe_results(*each.type(), all);
    return all;
  }

  /// Call with tensors (or whatever converts to an IValue); the result is a tensor.
  /// @throws backend_error (602 wrong arguments, 603 the result is not one tensor, 604 the model raised)
  template <class... Args>
    requires(std::constructible_from<c10::IValue, Args> && ...)
  at::Tensor operator()(Args&&... args) const {
    std::vector<c10::IValue> stack;
    stack.reserve(std::max(stack_size, sizeof...(Args) + 1));
    stack.emplace_back(self_);
    (stack.emplace_back(std::forward<Args>(args)), ...);
    constexpr bool tensors = (std::is_same_v<std::remove_cvref_t<Args>, at::Tensor> && ...);
    call(stack, tensors && sizeof...(Args) == tensor_arguments_);
    if (!stack.back().isTensor()) refuse_result(stack.back());
    return std::move(stack.back()).toTensor();
  }

  /// Call with arguments of any kind, for a result of any kind: a tuple, a list, a dict.
  /// @throws backend_error (602, 604)
  c10::IValue run(std::span<c10::IValue const> args) const {
    std::vector<c10::IValue> stack;
    stack.reserve(std::max(stack_size, args.size() + 1));
    stack.emplace_back(self_);
    for (auto const& each : args) stack.push_back(each);
    call(stack, false);
    return std::move(stack.back());
  }
  c10::IValue run(std::initializer_list<c10::IValue> args) const { return run(std::span(args.begin(), args.size())); }

  /// Call with tensors by name, in any order, for all results by name; arguments with a default may be left out.
  /// @throws backend_error (602, 603 not all results are tensors, 604, 614 a name that the method has not)
  ///
  /// @par Example
  ///     auto const results = session.run_named({{"image", image}, {"mask", mask}});
  [[nodiscard]] std::vector<named_tensor> run_named(std::span<named_tensor const> given) const {
    auto const known = inputs();
    auto const ordered = detail::in_order(given, known);
    std::unordered_map<std::string, c10::IValue> arguments;
    for (std::size_t i = 0; i < ordered.size(); ++i) {
      if (ordered[i])
        arguments.emplace(known[i].name, *ordered[i]);
      else if (!schema_.arguments()[i + 1].default_value())
        throw backend_error(errc::name_unknown, "expected an input named '" + known[i].name + "', got none");
    }
    std::vector<c10::IValue> stack{self_};
    call(stack, arguments);
    std::vector<named_tensor> results;
    detail::flatten(stack.back(), results);
    return results;
  }
  [[nodiscard]] std::vector<named_tensor> run_named(std::initializer_list<named_tensor> given) const {
    return run_named(std::span(given.begin(), given.size()));
  }

  /// Call it, and have the results in tensors of the caller's; those that are undefined become the results themselves.
  /// LibTorch makes results of its own, which are copied.
  /// @throws backend_error (602, 603, 604)
  template <class... Args>
    requires(std::constructible_from<c10::IValue, Args> && ...)
  void run_into(std::span<at::Tensor> results, Args&&... args) const {
    std::vector<named_tensor> made;
    detail::flatten(run({c10::IValue(std::forward<Args>(args))...}), made);
    if (made.size() != results.size())
      throw backend_error(errc::wrong_arguments, "expected " + std::to_string(made.size()) +
                                                     " outputs to write into, got " + std::to_string(results.size()));
    c10::InferenceMode const inference;
    for (std::size_t i = 0; i < results.size(); ++i)
      if (results[i].defined() && !detail::fits(results[i], detail::info_of(made[i])))
        detail::refuse_tensor("output", detail::info_of(made[i]), results[i]);
    for (std::size_t i = 0; i < results.size(); ++i)
      if (results[i].defined())
        results[i].copy_(made[i].tensor);
      else
        results[i] = made[i].tensor;
  }

  /// What `warmup` calls: the same code, with what is compiled of it, on a copy of the state.
  /// @throws backend_error (604 LibTorch can't copy what the model holds)
  [[nodiscard]] auto rehearsal() const {
    auto twin = *this;
    twin.fork_state();
    return [twin = std::move(twin)](std::span<c10::IValue const> inputs) { (void)twin.run(inputs); };
  }

 protected:
  c10::intrusive_ptr<c10::ivalue::Object> const& self() const { return self_; }
  Interpreter const& interpreter() const { return interpreter_; }
  c10::FunctionSchema const& schema() const { return schema_; }

  void fork_state() {
    self_ = detail::translated<backend_error>(errc::call_raised, "the model's state can't be copied", {},
                                              [&] { return detail::copy_of_state(self_); });
  }

 private:
  // Room for the arguments of the operators that the interpreter calls; grown on demand, it was allocated two times more.
  static constexpr std::size_t stack_size = 16;

  void call(std::vector<c10::IValue>& stack, bool known_to_fit) const {
    if (known_to_fit)
      execute(stack);
    else
      call(stack, std::unordered_map<std::string, c10::IValue>{});
  }
  void call(std::vector<c10::IValue>& stack, std::unordered_map<std::string, c10::IValue> const& named) const {
    detail::translated<backend_error>(errc::wrong_arguments, "the arguments don't fit " + schema_.name(), {},
                                      [&] { schema_.checkAndNormalizeInputs(stack, named); });
    execute(stack);
  }
  void execute(std::vector<c10::IValue>& stack) const {
    try {
      c10::InferenceMode const inference;
      interpreter_.run(stack);
    } catch (std::exception const& thrown) {
      refuse_call(thrown);
    }
  }
  [[noreturn]] static void refuse_call(std::exception const& thrown) {
    std::throw_with_nested(backend_error(errc::call_raised, "the model raised: " + detail::first_words(thrown)));
  }
  [[noreturn]] void refuse_result(c10::IValue const& result) const {
    throw backend_error(errc::not_one_tensor,
                        "expected one tensor from " + schema_.name() + ", got " + result.tagKind(),
                        "use session.run({args...}), which gives an IValue");
  }

  c10::intrusive_ptr<c10::ivalue::Object> self_;
  Interpreter interpreter_;
  c10::FunctionSchema schema_;
  std::size_t tensor_arguments_;  // how many tensors a call takes that needs no check; none: -1
};

namespace detail {
[[noreturn]] inline void refuse_method(std::string const& wanted, std::vector<std::string> const& known) {
  std::string all;
  for (auto const& each : known) all += (all.empty() ? "" : ", ") + each;
  throw backend_error(errc::method_missing, "expected a method '" + wanted + "', the model has: " + all,
                      did_you_mean(wanted, known));
}
}  // namespace detail

}  // namespace torchdeploy::inline v0
