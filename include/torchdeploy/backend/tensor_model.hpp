#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <exception>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <torchdeploy/backend/tensor_check.hpp>
#include <torchdeploy/backend/tensor_info.hpp>
#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/failure.hpp>
#include <torchdeploy/detail/libtorch/tensor_ops.hpp>

namespace torchdeploy::inline v0 {

/// What a runtime that takes and gives tensors makes of a model. `tensor_model` makes a session's interface of it.
///
/// `run` gets inputs that were checked: as many as `inputs()`, each on the CPU, contiguous, of the dtype, rank and fixed
/// sizes that are said there; and as many outputs as `outputs()`: it allocates those that are undefined and writes into
/// the others, which are contiguous and of the right dtype. It may be called from several threads.
template <class E>
concept tensor_executable = std::copyable<E> && requires(E const& executable, std::span<at::Tensor const* const> given,
                                                         std::span<at::Tensor> results) {
  { E::runtime } -> std::convertible_to<std::string_view>;
  { executable.inputs() } -> std::convertible_to<std::vector<tensor_info> const&>;
  { executable.outputs() } -> std::convertible_to<std::vector<tensor_info> const&>;
  { executable.state() } -> std::convertible_to<std::vector<std::string>>;  // what a call leaves for the next, by name
  { executable.fork() } -> std::same_as<E>;  // with a state of its own
  executable.run(given, results);
};

/// A model that takes tensors and gives tensors, callable from several threads.
///
/// Arguments are checked before the runtime sees them; those that are not contiguous are copied. Results belong to the
/// caller.
template <tensor_executable Executable>
class tensor_model {
 public:
  explicit tensor_model(Executable executable) : executable_(std::move(executable)) {}

  [[nodiscard]] std::vector<tensor_info> const& inputs() const { return executable_.inputs(); }
  [[nodiscard]] std::vector<tensor_info> const& outputs() const { return executable_.outputs(); }
  /// What a call leaves for the next one, by name: empty for most models.
  [[nodiscard]] std::vector<std::string> state() const { return executable_.state(); }
  /// The same compiled model with a state of its own.
  [[nodiscard]] tensor_model fork() const { return tensor_model(executable_.fork()); }
  /// What this runtime alone offers.
  [[nodiscard]] Executable const& executable() const { return executable_; }

  /// Call a model that gives one tensor.
  /// @throws backend_error (602 wrong arguments, 603 the model gives several tensors, 604 the runtime raised)
  template <std::convertible_to<at::Tensor const&>... Tensors>
  at::Tensor operator()(Tensors const&... tensors) const {
    if (outputs().size() != 1) refuse_result();
    at::Tensor result;
    std::array<at::Tensor const*, sizeof...(Tensors)> given{&static_cast<at::Tensor const&>(tensors)...};
    call(given, {&result, 1});
    return result;
  }

  /// Call it, and have the results written into tensors of the caller's, one for each of `outputs()`, contiguous. Those that
  /// are undefined become new tensors, once the call went well.
  /// @throws backend_error (602, 604)
  ///
  /// @par Example
  ///     std::array results{scores, boxes};
  ///     session.run_into(results, image);
  template <std::convertible_to<at::Tensor const&>... Tensors>
  void run_into(std::span<at::Tensor> results, Tensors const&... tensors) const {
    std::array<at::Tensor const*, sizeof...(Tensors)> given{&static_cast<at::Tensor const&>(tensors)...};
    if (results.size() != outputs().size()) detail::refuse_count("outputs", outputs(), results.size());
    for (std::size_t i = 0; i < results.size(); ++i)
      if (results[i].defined() && (!detail::fits(results[i], outputs()[i]) || !is_plain(results[i])))
        detail::refuse_tensor("contiguous output", outputs()[i], results[i]);
    c10::SmallVector<at::Tensor, 4> made(results.begin(), results.end());
    call(given, made);
    std::move(made.begin(), made.end(), results.begin());
  }

  /// Call it with tensors by name, in any order, for all results by name.
  /// @throws backend_error (602, 604, 614 a name that the model has not, or one that is missing)
  ///
  /// @par Example
  ///     auto const results = session.run_named({{"image", image}, {"mask", mask}});
  [[nodiscard]] std::vector<named_tensor> run_named(std::span<named_tensor const> given) const {
    auto ordered = detail::in_order(given, inputs());
    for (std::size_t i = 0; i < ordered.size(); ++i)
      if (!ordered[i])
        throw backend_error(errc::name_unknown, "expected an input named '" + inputs()[i].name + "', got none");
    std::vector<at::Tensor> results(outputs().size());
    call(ordered, results);
    std::vector<named_tensor> named;
    for (std::size_t i = 0; i < results.size(); ++i) named.push_back({outputs()[i].name, std::move(results[i])});
    return named;
  }
  [[nodiscard]] std::vector<named_tensor> run_named(std::initializer_list<named_tensor> given) const {
    return run_named(std::span(given.begin(), given.size()));
  }

  /// Call it as any session is called: one result is a tensor, several are a tuple.
  /// @throws backend_error (602, 604)
  [[nodiscard]] c10::IValue run(std::span<c10::IValue const> args) const {
    std::vector<at::Tensor> tensors;
    tensors.reserve(args.size());
    for (auto const& each : args) {
      if (!each.isTensor()) throw backend_error(errc::wrong_arguments, "expected tensors, got " + each.tagKind());
      tensors.push_back(each.toTensor());
    }
    std::vector<at::Tensor const*> given;
    given.reserve(tensors.size());
    for (auto const& each : tensors) given.push_back(&each);
    std::vector<at::Tensor> results(outputs().size());
    call(given, results);
    if (results.size() == 1) return std::move(results.front());
    return c10::ivalue::Tuple::create(std::vector<c10::IValue>(results.begin(), results.end()));
  }
  [[nodiscard]] c10::IValue run(std::initializer_list<c10::IValue> args) const {
    return run(std::span(args.begin(), args.size()));
  }

  /// What `warmup` calls: the state of this one stays as it is.
  [[nodiscard]] auto rehearsal() const {
    return [twin = state().empty() ? *this : fork()](std::span<c10::IValue const> inputs) { (void)twin.run(inputs); };
  }

 private:
  void call(std::span<at::Tensor const*> given, std::span<at::Tensor> results) const {
    auto const& wanted = inputs();
    if (given.size() != wanted.size()) detail::refuse_count("inputs", wanted, given.size());
    bool plain = true;
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (!detail::fits(*given[i], wanted[i])) detail::refuse_tensor("input", wanted[i], *given[i]);
      plain = plain && is_plain(*given[i]);
    }
    if (plain) return execute(given, results);

    std::vector<at::Tensor> made;
    made.reserve(given.size());
    for (auto& each : given)
      if (!is_plain(*each)) each = &made.emplace_back(plain_copy(*each));
    execute(given, results);
  }

  static bool is_plain(at::Tensor const& tensor) {
    return tensor.is_contiguous() && !tensor.is_neg() && !tensor.is_conj() && !tensor._is_zerotensor();
  }
  static at::Tensor plain_copy(at::Tensor const& tensor) {
    if (tensor._is_zerotensor()) return at::zeros(tensor.sizes(), tensor.options());  // LibTorch's zeros without memory
    return tensor.resolve_conj().resolve_neg().contiguous();
  }

  void execute(std::span<at::Tensor const* const> given, std::span<at::Tensor> results) const {
    try {
      executable_.run(given, results);
    } catch (error const&) {
      throw;
    } catch (std::exception const& thrown) {
      std::throw_with_nested(backend_error(
          errc::call_raised, std::string(Executable::runtime) + " raised: " + detail::first_words(thrown)));
    }
  }

  [[noreturn]] void refuse_result() const {
    throw backend_error(
        errc::not_one_tensor,
        "expected a model that gives one tensor, got one that gives " + std::to_string(outputs().size()),
        "session.run_named({{name, tensor}}) gives all of them, by name");
  }

  Executable executable_;
};

}  // namespace torchdeploy::inline v0
