#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <torchdeploy/backend/backend.hpp>
#include <torchdeploy/backend/tensor_model.hpp>
#include <torchdeploy/verification/asking.hpp>
#include <torchdeploy/verification/outputs.hpp>

namespace torchdeploy::inline v0 {

namespace detail {

template <tensor_executable E>
constexpr bool derives_from_tensor_model(tensor_model<E> const*) {
  return true;
}
/// A runtime that takes tensors and gives a list of them, by name: no TorchScript.
template <class Session>
concept gives_named_tensors = requires(Session const* session) { derives_from_tensor_model(session); };

template <class Session>
concept runs_values = requires(Session const& session, std::span<c10::IValue const> values) {
  { session.run(values) } -> std::convertible_to<c10::IValue>;
};

}  // namespace detail

/// A session that can be asked about samples: `run(std::span<c10::IValue const>)`, or a call with tensors.
template <class S>
concept answering_session =
    detail::is_session<std::remove_cvref_t<S>> &&
    (detail::runs_values<std::remove_cvref_t<S>> || detail::takes_tensors<std::remove_cvref_t<S> const>);

namespace detail {

/// A session, with a state of its own where the backend can tell of one, so that the caller's is not disturbed.
template <answering_session Session>
class session_runner {
 public:
  /// What can't be multiplied is borrowed.
  explicit session_runner(Session const& session) : model_(taken(session)) {}

  c10::IValue operator()(example const& inputs) { return run(copy_of(inputs)); }
  c10::IValue run(example const& own) {
    if constexpr (gives_named_tensors<Session>)
      for (std::size_t i = 0; i < own.size(); ++i)
        if (!own[i].isTensor())
          throw verification_error(errc::options_conflict,
                                   "expected samples of tensors for " + runtime() + ", got " + kind_text(own[i]) +
                                       " as argument " + std::to_string(i),
                                   "this runtime takes tensors only: compare on samples without it");
    if constexpr (runs_values<Session>)
      return get().run(std::span<c10::IValue const>(own));
    else
      return ask(get(), own);
  }

  /// Of the tensors, where the runtime gives a list.
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    if constexpr (gives_named_tensors<Session>)
      for (auto const& each : get().outputs()) all.push_back(each.name);
    return all;
  }
  /// The batch that the model says it takes, where that is one only.
  [[nodiscard]] std::optional<std::int64_t> fixed_batch() const {
    if constexpr (gives_named_tensors<Session>)
      for (auto const& each : get().inputs())
        if (each.shape && !each.shape->empty() && each.shape->front() > 0) return each.shape->front();
    return std::nullopt;
  }
  /// Runtimes that take tensors have kernels of their own; of a user's other backend nothing is known.
  [[nodiscard]] bool may_have_lstm() const {
    if constexpr (requires { get().has_operator("aten::lstm"); })
      return get().has_operator("aten::lstm");
    else
      return !gives_named_tensors<Session>;
  }

 private:
  template <backend B>
  static compiled_by<B> compiled_of(session<B> const&);
  using compiled = decltype(compiled_of(std::declval<Session const&>()));
  static constexpr bool owned = multiplies<compiled>;

  static auto taken(Session const& session) {
    if constexpr (owned)
      return session.state().empty() ? static_cast<compiled const&>(session) : session.fork();
    else
      return &session;
  }
  [[nodiscard]] auto const& get() const {
    if constexpr (owned)
      return model_;
    else
      return *model_;
  }
  static std::string runtime() {
    return std::string(std::remove_cvref_t<decltype(std::declval<Session const&>().executable())>::runtime);
  }

  std::conditional_t<owned, compiled, Session const*> model_;
};

}  // namespace detail

}  // namespace torchdeploy::inline v0
