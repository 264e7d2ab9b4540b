#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/core/artifact.hpp>
#include <torchdeploy/format/samples.hpp>
#include <torchdeploy/verification/outputs.hpp>
#include <torchdeploy/verification/session_runner.hpp>

namespace torchdeploy::inline v0 {

/// A format whose models can be run for verification: `Format::run(handle&, example const&)` gives an IValue, or
/// `Format::runs_in` is the backend that runs them, which takes and gives tensors.
template <class Format>
concept runs = std::same_as<typename record<Format>::example, example> &&
               (
                   requires { typename Format::runs_in; } ||
                   requires(typename Format::handle& handle, example const& inputs) {
                     { Format::run(handle, inputs) } -> std::convertible_to<c10::IValue>;
                   });

namespace detail {

/// A copy of a model, in the form that leaves: what runs in it, and what state it keeps, disturbs nobody.
template <runs Format>
class runner {
  using handle_type = typename Format::handle;

 public:
  template <class Record>
  runner(handle_type const& handle, Record const& record) : handle_(copy(handle, record)) {}

  c10::IValue operator()(example const& inputs) { return run(copy_of(inputs)); }
  /// On inputs that were made for this call.
  c10::IValue run(example const& own) { return Format::run(handle_, own); }
  [[nodiscard]] bool may_have_lstm() const {
    if constexpr (requires { Format::has_operator(handle_, "aten::lstm"); })
      return Format::has_operator(handle_, "aten::lstm");
    else
      return false;
  }

 private:
  template <class Record>
  static handle_type copy(handle_type const& handle, Record const& record) {
    auto const cloned = [](handle_type const& whole) {
      if constexpr (requires { Format::runnable(whole); })
        return handle_type(Format::runnable(whole));
      else if constexpr (requires { Format::clone(whole); })
        return handle_type(Format::clone(whole));
      else
        return handle_type(whole);
    };
    if constexpr (requires { Format::leaving(handle, record); })
      return cloned(Format::leaving(handle, record));
    else
      return cloned(handle);
  }

  handle_type handle_;
};

/// The same of a format that a backend runs: deployed once, with the backend's defaults.
template <runs Format>
  requires requires { typename Format::runs_in; }
class runner<Format> {
  using runtime = typename Format::runs_in;
  static_assert(
      requires { typename runtime::options; }, "include the header of the backend that runs this format");
  using session_type = session<runtime>;

 public:
  template <class Record>
  runner(typename Format::handle const& handle, Record const& record)
      : session_(std::make_unique<session_type>(compiled(handle, record))), asked_(*session_) {}

  c10::IValue operator()(example const& inputs) { return asked_(inputs); }
  c10::IValue run(example const& own) { return asked_.run(own); }
  [[nodiscard]] std::vector<std::string> names() const { return asked_.names(); }
  [[nodiscard]] std::optional<std::int64_t> fixed_batch() const { return asked_.fixed_batch(); }

 private:
  template <class Record>
  static auto compiled(typename Format::handle const& handle, Record const& record) {
    torchdeploy::record<Format> own;
    own.examples = record.examples;
    return runtime::compile(typename Format::handle(handle), own, typename runtime::options{});
  }

  std::unique_ptr<session_type> session_;
  session_runner<session_type> asked_;
};

}  // namespace detail

}  // namespace torchdeploy::inline v0
