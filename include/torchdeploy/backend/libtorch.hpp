#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/backend/backend.hpp>
#include <torchdeploy/backend/method.hpp>
#include <torchdeploy/backend/process_settings.hpp>
#include <torchdeploy/detail/compiler_lock.hpp>
#include <torchdeploy/detail/libtorch/lstm_check.hpp>
#include <torchdeploy/detail/libtorch/model_graph.hpp>
#include <torchdeploy/diagnosis/state.hpp>
#include <torchdeploy/format/torchscript.hpp>

namespace torchdeploy::inline v0 {

namespace detail {
struct graph_interpreter {
  torch::jit::GraphExecutor* executor;

  void run(torch::jit::Stack& stack) const { executor->run(stack); }
};
}  // namespace detail

/// The method of a TorchScript module.
class libtorch_method : public interpreted_method<detail::graph_interpreter> {
 public:
  libtorch_method(torch::jit::Module module, std::string const& method)
      : libtorch_method(module, resolved(module, method)) {}

  /// Another method of the same module, with the same state: `session.method("reset_states").run({})`.
  /// @throws backend_error (601)
  [[nodiscard]] libtorch_method method(std::string const& name) const { return {torch::jit::Module(self()), name}; }

  /// What a call leaves for the next one: the attributes that the method writes, by name.
  [[nodiscard]] std::vector<std::string> state() const {
    detail::compiler_lock const alone;
    return detail::written_state(*graph());
  }
  /// Does its code, with the methods that it calls, hold this operator ("aten::lstm")?
  [[nodiscard]] bool has_operator(std::string_view qualified) const {
    detail::compiler_lock const alone;
    return detail::has_operator(*graph(), qualified);
  }
  /// The same code with a state of its own.
  /// @throws backend_error (604 LibTorch can't copy what the model holds)
  [[nodiscard]] libtorch_method fork() const {
    auto twin = *this;
    twin.fork_state();
    return twin;
  }

 private:
  [[nodiscard]] std::shared_ptr<torch::jit::Graph> graph() const {
    return detail::settled_graph(torch::jit::Module(self()), schema().name());
  }

  libtorch_method(torch::jit::Module const& module, torch::jit::Function& function)
      : interpreted_method(module._ivalue(), {&torch::jit::toGraphFunction(function).get_executor()},
                           function.getSchema()) {}

  static torch::jit::Function& resolved(torch::jit::Module const& module, std::string const& method) {
    if (auto const found = module.find_method(method)) return found->function();
    std::vector<std::string> known;
    for (auto const& each : module.get_methods()) known.push_back(each.name());
    detail::refuse_method(method, known);
  }
};

/// LibTorch's own interpreter.
struct LibTorch {
  using consumes = TorchScript;
  using options = interpreter_options;
  static constexpr bool available = true;

  /// @throws backend_error 601, 605, 607; quantization_error 409
  static libtorch_method compile(torch::jit::Module module, record<TorchScript> const& record, options const& options) {
    detail::settle_process(options);
    return {detail::with_checked_lstm(TorchScript::leaving(module, record)), options.method};
  }
};

}  // namespace torchdeploy::inline v0
