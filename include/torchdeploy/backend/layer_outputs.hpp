#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <torchdeploy/backend/backend.hpp>
#include <torchdeploy/backend/tensor_model.hpp>

namespace torchdeploy::inline v0 {

/// One layer of a model that a backend compiled with its layers' outputs: a call of it, where it is called several times.
struct shown_layer {
  std::string name{};  ///< as reports have it: "layer1.0.conv1"
  std::string kind{};  ///< "conv2d", or what the runtime calls it
  std::string precision{};  ///< what it is computed in, where the runtime tells: "bf16"
  std::size_t output{};  ///< which of the model's outputs is the layer's
};

/// A model that gives the outputs of its layers too.
template <tensor_executable Executable>
struct layer_outputs {
  tensor_model<Executable> model;  ///< its own outputs come first
  std::size_t own{};  ///< how many these are
  std::vector<shown_layer> layers{};  ///< in the order they run
};

/// A backend that lets one look into what it runs, with one more member:
///
///     static td::layer_outputs<Executable> look_into(Format::handle, record<Format>&, options const&,
///                                                    std::span<std::string const> layers);
///
/// `layers`: the names that are asked for, those that the model has not are left out; empty: all. A layer's output is what
/// follows its bias and a batch norm behind it. Compiled as `compile` does, but for what more outputs prevent from being fused.
template <class B, class Format>
concept shows_layers =
    backend<B> && detail::takes<typename B::consumes, Format> &&
    requires(typename Format::handle const& handle, record<Format>& record, typename B::options const& options,
             std::span<std::string const> layers) { B::look_into(handle, record, options, layers).layers; };

/// Made by `on<Backend>`: an artifact, and where it shall run.
template <class B, any_artifact A>
struct placed {
  A const& artifact;
  typename B::options options{};
  std::shared_ptr<A const> owned{};  ///< the artifact, where it was a temporary
};

namespace detail {
template <class B>
struct placing {
  template <any_artifact A>
    requires available<B> && takes<typename B::consumes, typename A::format>
  placed<B, A> operator()(A const& artifact, typename B::options options = {}) const {
    return {artifact, std::move(options)};
  }
  template <any_artifact A>
    requires(!std::is_reference_v<A> && available<B> && takes<typename B::consumes, typename A::format>)
  placed<B, A> operator()(A&& artifact, typename B::options options = {}) const {
    auto const owned = std::make_shared<A const>(std::move(artifact));
    return {*owned, std::move(options), owned};
  }
};
}  // namespace detail

/// An artifact as a backend runs it, for `first_divergence`. An artifact with a name is borrowed, and stays as it is; a temporary
/// is kept.
///
/// @par Example
///     td::first_divergence(td::on<td::OpenVino>(model, {.precision = at::kBFloat16}), model, images);
template <backend B>
inline constexpr detail::placing<B> on{};

}  // namespace torchdeploy::inline v0
