#pragma once

#include <concepts>
#include <utility>

#include <torchdeploy/core/artifact.hpp>
#include <torchdeploy/format/samples.hpp>
#include <torchdeploy/verification/outputs.hpp>

namespace torchdeploy::inline v0 {

/// A format whose models can be run for verification: `Format::run(handle&, example const&)` gives an IValue.
template <class Format>
concept runs = std::same_as<typename record<Format>::example, example> &&
               requires(typename Format::handle& handle, example const& inputs) {
                 { Format::run(handle, inputs) } -> std::convertible_to<c10::IValue>;
               };

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

 private:
  template <class Record>
  static handle_type copy(handle_type const& handle, Record const& record) {
    auto const cloned = [](handle_type const& whole) {
      if constexpr (requires { Format::clone(whole); })
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

}  // namespace detail

}  // namespace torchdeploy::inline v0
