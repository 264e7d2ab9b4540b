#pragma once

#include <string_view>
#include <utility>

#include <torchdeploy/core/pipe.hpp>

namespace torchdeploy::inline v0 {

/// Made by `tap`.
template <class Look>
struct tap_t : stage<tap_t<Look>> {
  using consumes = any_format;
  using drops = facts<>;
  static constexpr std::string_view name = "tap";

  [[no_unique_address]] Look look;

  template <any_artifact A>
  constexpr A apply(A&& artifact) const {
    look(std::as_const(artifact));
    return std::move(artifact);
  }
};

namespace detail {
struct tap_maker : stage_maker {
  template <class Look>
  constexpr auto operator()(Look look) const {
    return tap_t<Look>{{}, std::move(look)};
  }
};
}  // namespace detail

/// Look at the artifact in the middle of a pipeline: `look(artifact const&)` is called, nothing changes.
///
/// @par Example
///     auto model = td::load<td::TorchScript>("model.pt")
///                | td::tap([](auto const& m) { std::cout << m.report(); })
///                | td::freeze();
inline constexpr detail::tap_maker tap{};

}  // namespace torchdeploy::inline v0
