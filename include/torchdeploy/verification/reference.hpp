#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

#include <torchdeploy/format/torchscript.hpp>
#include <torchdeploy/verification/asking.hpp>
#include <torchdeploy/verification/golden.hpp>
#include <torchdeploy/verification/runner.hpp>
#include <torchdeploy/verification/session_runner.hpp>

namespace torchdeploy::inline v0 {

namespace detail {

template <class F>
concept answers = !any_artifact<F> && !is_session<std::remove_cv_t<F>> && !std::same_as<F, torch::jit::Module> &&
                  !std::same_as<F, golden> && (takes_tensors<F> || callable_on<F, example>);

template <class T>
inline constexpr bool is_running_artifact = false;
template <runs Format, class Facts>
inline constexpr bool is_running_artifact<artifact<Format, Facts>> = true;

/// A lvalue is borrowed, a rvalue owned.
template <class T>
class held {
  using type = std::remove_reference_t<T>;
  static constexpr bool borrowed = std::is_lvalue_reference_v<T>;

 public:
  explicit held(T&& value)
      : value_([&]() -> decltype(auto) {
          if constexpr (borrowed)
            return &value;
          else
            return std::move(value);
        }()) {}
  auto& get() const {
    if constexpr (borrowed)
      return *value_;
    else
      return value_;
  }

 private:
  std::conditional_t<borrowed, type*, std::remove_cv_t<type>> value_;
};

// Each reference gives a runner, fresh at every `open()`: what answers one sample after the other. A `probe()` is a
// runner for one question more, that disturbs neither the reference nor its answers. What `may_be_repeated` is a copy of
// ours; a function of the user's is asked no more often than must be.

template <class A>
struct artifact_reference {
  static constexpr bool can_be_asked = true;
  static constexpr bool may_be_repeated = true;
  held<A> model;

  [[nodiscard]] std::string text() const { return "another artifact"; }
  [[nodiscard]] auto open() const {
    return runner<typename std::remove_cvref_t<A>::format>(model.get().handle(), model.get().record());
  }
  [[nodiscard]] auto probe() const { return open(); }
};

template <class S>
struct session_reference {
  static constexpr bool can_be_asked = true;
  static constexpr bool may_be_repeated = true;
  held<S> model;

  [[nodiscard]] std::string text() const { return "a session"; }
  [[nodiscard]] auto open() const { return session_runner<std::remove_cvref_t<S>>(model.get()); }
  [[nodiscard]] auto probe() const { return open(); }
};

struct module_reference {
  static constexpr bool can_be_asked = true;
  static constexpr bool may_be_repeated = true;
  torch::jit::Module module;

  [[nodiscard]] std::string text() const { return "a module"; }
  [[nodiscard]] runner<TorchScript> open() const {
    auto copy = TorchScript::clone(module);
    copy.eval();
    return {copy, record<TorchScript>{}};
  }
  [[nodiscard]] auto probe() const { return open(); }
};

template <class F>
struct callable_reference {
  static constexpr bool can_be_asked = true;
  static constexpr bool may_be_repeated = false;
  held<F> function;

  template <class Held>
  struct asker {
    Held function;
    c10::IValue operator()(example const& inputs) { return run(copy_of(inputs)); }
    c10::IValue run(example const& own) { return ask(get(), own); }
    auto& get() {
      if constexpr (std::is_pointer_v<Held>)
        return *function;
      else
        return function;
    }
  };

  [[nodiscard]] std::string text() const { return "a callable"; }
  [[nodiscard]] auto open() const {
    if constexpr (std::is_lvalue_reference_v<F>)
      return asker<std::remove_reference_t<F>*>{&function.get()};
    else
      return probe();
  }
  [[nodiscard]] auto probe() const {
    using type = std::remove_cvref_t<F>;
    if constexpr (std::is_object_v<type> && std::copy_constructible<type>)
      return asker<type>{function.get()};
    else
      return asker<std::remove_reference_t<decltype(function.get())>*>{&function.get()};
  }
};

struct golden_reference {
  static constexpr bool can_be_asked = false;
  static constexpr bool may_be_repeated = false;
  golden recorded;

  /// In the order they were recorded in, since the model may have had a state; else wherever the inputs are found.
  struct replay {
    golden const* recorded;
    std::size_t next = 0;
    c10::IValue run(example const& inputs) {
      auto const& known = recorded->inputs();
      for (std::size_t tried = 0; tried < known.size(); ++tried) {
        auto const at = (next + tried) % known.size();
        if (!identical(known[at], inputs)) continue;
        next = at + 1;
        return recorded->outputs()[at];
      }
      throw verification_error(errc::options_conflict, "expected samples that the golden file holds, got others",
                               "leave .samples out: the golden file brings its own");
    }
  };

  [[nodiscard]] std::string text() const { return "the golden file '" + recorded.path().string() + "'"; }
  [[nodiscard]] replay open() const { return {&recorded}; }
};

template <class R>
auto as_reference(R&& reference) {
  using type = std::remove_cvref_t<R>;
  if constexpr (std::same_as<type, golden>)
    return golden_reference{std::forward<R>(reference)};
  else if constexpr (std::same_as<type, torch::jit::Module>) {
    TorchScript::demand_forward(reference);
    return module_reference{std::forward<R>(reference)};
  } else if constexpr (any_artifact<type>)
    return artifact_reference<R>{held<R>(std::forward<R>(reference))};
  else if constexpr (is_session<type>)
    return session_reference<R>{held<R>(std::forward<R>(reference))};
  else
    return callable_reference<R>{held<R>(std::forward<R>(reference))};
}

}  // namespace detail

/// What a model can be compared with: another artifact, a session of any backend, a `torch::jit::Module`,
/// `golden("file.pt")`, or a callable that takes the sample's tensors, or a whole `example`, and returns a tensor or an
/// IValue.
template <class R>
concept any_reference =
    std::same_as<std::remove_cvref_t<R>, golden> || std::same_as<std::remove_cvref_t<R>, torch::jit::Module> ||
    detail::is_running_artifact<std::remove_cvref_t<R>> || answering_session<R> ||
    detail::answers<std::remove_reference_t<R>>;

}  // namespace torchdeploy::inline v0
