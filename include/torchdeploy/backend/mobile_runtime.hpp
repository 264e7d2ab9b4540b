#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/backend/backend.hpp>
#include <torchdeploy/backend/method.hpp>
#include <torchdeploy/format/mobile_lite.hpp>

namespace torchdeploy::inline v0 {

namespace detail {
/// Runs the code itself: `mobile::Module::forward` looks the method up by name, copies the arguments and the module's
/// metadata, and sets up an observer, each time.
struct bytecode_interpreter {
  std::shared_ptr<mobile::Module const> module;  // owns the code
  mobile::Function const* function;

  void run(mobile::Stack& stack) const { mobile::InterpreterState(function->get_code()).run(stack); }
};
}  // namespace detail

/// The method of a mobile module.
class mobile_method : public interpreted_method<detail::bytecode_interpreter> {
 public:
  mobile_method(std::shared_ptr<torch::jit::mobile::Module const> module, std::string const& method)
      : mobile_method(module, module->_ivalue(), method) {}

  /// Another method of the same module, with the same state: `session.method("reset_states").run({})`.
  /// @throws backend_error (601)
  [[nodiscard]] mobile_method method(std::string const& name) const { return {interpreter().module, self(), name}; }

  /// What a call leaves for the next one, by name. Bytecode does not tell what an operator in place writes to: where the
  /// module still has tensors of its own (it was not frozen), each is taken for written.
  [[nodiscard]] std::vector<std::string> state() const {
    return detail::maybe_written(*interpreter().function, self());
  }
  /// Does the module, in any of its methods, hold this operator ("aten::lstm")? What a method calls stands in others.
  [[nodiscard]] bool has_operator(std::string_view qualified) const {
    return detail::has_operator(*interpreter().module, qualified);
  }
  /// The same code with a state of its own.
  /// @throws backend_error (604 LibTorch can't copy what the model holds)
  [[nodiscard]] mobile_method fork() const {
    auto twin = *this;
    twin.fork_state();
    return twin;
  }

 private:
  mobile_method(std::shared_ptr<torch::jit::mobile::Module const> const& module,
                c10::intrusive_ptr<c10::ivalue::Object> self, std::string const& method)
      : mobile_method(module, std::move(self), resolved(*module, method)) {}
  mobile_method(std::shared_ptr<torch::jit::mobile::Module const> const& module,
                c10::intrusive_ptr<c10::ivalue::Object> self, torch::jit::mobile::Function const& function)
      : interpreted_method(std::move(self), {module, &function}, detail::schema_of(function)) {}

  static torch::jit::mobile::Function const& resolved(torch::jit::mobile::Module const& module,
                                                      std::string const& method) {
    if (auto* const found = detail::find_method(module, method)) return *found;
    detail::refuse_method(method, detail::method_names(module));
  }
};

/// LibTorch's lite interpreter: what runs a .ptl file inside an app.
struct MobileRuntime {
  using consumes = MobileLite;
  using options = interpreter_options;
  static constexpr bool available = true;

  /// @throws backend_error 601, 605, 607
  static mobile_method compile(MobileLite::handle model, record<MobileLite> const&, options const& options) {
    detail::settle_process(options);
    return {std::make_shared<torch::jit::mobile::Module const>(std::move(model.module)), options.method};
  }
};

}  // namespace torchdeploy::inline v0
