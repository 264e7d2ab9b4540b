#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <torchdeploy/backend/backend.hpp>
#include <torchdeploy/format/torchscript.hpp>

namespace torchdeploy::inline v0 {

/// The method of a TorchScript module, resolved once, callable from several threads.
///
/// A call costs what LibTorch's interpreter costs: one stack, which the interpreter needs, and no look-up by name, no copy
/// of the schema. Calls run in `c10::InferenceMode`. Threads may share it unless the model writes its own state.
class libtorch_method {
 public:
  libtorch_method(torch::jit::Module module, std::string const& method);

  /// Call with tensors (or whatever converts to an IValue); the result is a tensor.
  /// @throws backend_error (602 wrong arguments, 603 the result is not one tensor, 604 the model raised)
  template <class... Args>
    requires(std::constructible_from<c10::IValue, Args> && ...)
  at::Tensor operator()(Args&&... args) const {
    torch::jit::Stack stack;
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
    torch::jit::Stack stack;
    stack.reserve(std::max(stack_size, args.size() + 1));
    stack.emplace_back(self_);
    stack.insert(stack.end(), args.begin(), args.end());
    call(stack, false);
    return std::move(stack.back());
  }
  c10::IValue run(std::initializer_list<c10::IValue> args) const { return run(std::span(args.begin(), args.size())); }

  /// Another method of the same module, with the same state: `session.method("reset_states").run({})`.
  /// @throws backend_error (601)
  [[nodiscard]] libtorch_method method(std::string const& name) const { return {torch::jit::Module(self_), name}; }

 private:
  // Room for the arguments of the operators that the interpreter calls; grown on demand, it was allocated two times more.
  static constexpr std::size_t stack_size = 16;

  void call(torch::jit::Stack& stack, bool known_to_fit) const {
    if (!known_to_fit) check(stack);
    try {
      c10::InferenceMode const inference;
      executor_->run(stack);
    } catch (std::exception const& thrown) {
      refuse_call(thrown);
    }
  }
  void check(torch::jit::Stack& stack) const {
    detail::translated<backend_error>(errc::wrong_arguments, "the arguments don't fit " + method_, {},
                                      [&] { schema_->checkAndNormalizeInputs(stack, {}); });
  }
  [[noreturn]] static void refuse_call(std::exception const& thrown);
  [[noreturn]] void refuse_result(c10::IValue const& result) const;

  c10::intrusive_ptr<c10::ivalue::Object> self_;
  torch::jit::GraphExecutor* executor_;
  c10::FunctionSchema const* schema_;
  std::size_t tensor_arguments_;  // how many tensors a call takes that needs no check; none: -1
  std::string method_;
};

inline libtorch_method::libtorch_method(torch::jit::Module module, std::string const& method)
    : self_(module._ivalue()), method_(method) {
  auto const found = module.find_method(method);
  if (!found) {
    std::string all;
    for (auto const& each : module.get_methods()) all += (all.empty() ? "" : ", ") + each.name();
    throw backend_error(errc::method_missing, "expected a method '" + method + "', the model has: " + all);
  }
  auto& function = found->function();
  executor_ = &torch::jit::toGraphFunction(function).get_executor();
  schema_ = &function.getSchema();
  auto const& arguments = schema_->arguments();
  bool const tensors = std::all_of(arguments.begin() + 1, arguments.end(), [](c10::Argument const& each) {
    return each.type()->kind() == c10::TypeKind::TensorType;
  });
  tensor_arguments_ = tensors ? arguments.size() - 1 : static_cast<std::size_t>(-1);
}

inline void libtorch_method::refuse_call(std::exception const& thrown) {
  std::throw_with_nested(backend_error(errc::call_raised, "the model raised: " + detail::first_words(thrown)));
}

inline void libtorch_method::refuse_result(c10::IValue const& result) const {
  throw backend_error(errc::not_one_tensor, "expected one tensor from " + method_ + ", got " + result.tagKind(),
                      "use session.run({args...}), which gives an IValue");
}

/// LibTorch's own interpreter.
struct LibTorch {
  using consumes = TorchScript;
  static constexpr bool available = true;
  struct options {
    std::string method = "forward";  ///< which method the session calls
  };

  /// @throws backend_error 601, quantization_error 409
  static libtorch_method compile(torch::jit::Module module, record<TorchScript> const& record, options const& options) {
    return {TorchScript::leaving(module, record), options.method};
  }
};

}  // namespace torchdeploy::inline v0
