#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <torchdeploy/core/pipe.hpp>
#include <torchdeploy/format/onnx.hpp>
#include <torchdeploy/format/openvino_ir.hpp>
#include <torchdeploy/format/torchscript.hpp>
#include <torchdeploy/openvino/compress.hpp>
#include <torchdeploy/openvino/convert.hpp>

namespace torchdeploy::inline v0 {

inline namespace with_openvino {

/// What `to_openvino` converts.
struct to_openvino_options {
  std::string method = "forward";  ///< of a TorchScript model
  bool compress_to_fp16 =
      false;  ///< keep weights in float16: half the .bin; they are computed in `.precision` all the same
};

/// Made by `to_openvino`.
struct to_openvino_t : stage<to_openvino_t> {
  using consumes = one_of<TorchScript, Onnx>;
  using produces = OpenVinoIr;
  using needs = facts<evaluating>;
  using forbids = facts<optimized>;
  static constexpr std::string_view name = "to_openvino";

  to_openvino_options options{};

  template <any_artifact A>
  auto apply(A&& artifact) const {
    auto const model = std::move(artifact).handle();
    auto record = std::move(artifact).record();
    auto made = detail::timed(record, name, [&] {
      OpenVinoIr::handle ready{converted(model, record)};
      auto& entry = record.report.current();
      OpenVinoIr::describe(ready, entry);
      entry.bytes_before = A::format::bytes(model);
      entry.bytes_after = OpenVinoIr::bytes(ready);
      return ready;
    });
    return after<A, to_openvino_t>(std::move(made), torchdeploy::record<OpenVinoIr>(std::move(record)));
  }

 private:
  template <class Format>
  std::shared_ptr<ov::Model const> converted(typename Format::handle const& model,
                                             torchdeploy::record<Format> const& record) const {
    std::shared_ptr<ov::Model> result;
    if constexpr (std::is_same_v<Format, TorchScript>)
      result = detail::to_openvino(model, options.method, record.examples);
    else
      result = detail::read_onnx(model);
    return options.compress_to_fp16 ? detail::with_half_weights(result) : result;
  }
};

/// Convert to OpenVINO's own format: `save("model.xml")` writes it and a .bin beside it, `deploy<OpenVino>()` runs it, and
/// loading it again converts nothing.
///
/// Consumes: TorchScript, Onnx. Produces: OpenVinoIr. Needs: evaluating. Forbids: optimized.
/// Throws: backend_error 601, 608.
///
/// @par Example
///     auto model = td::load<td::TorchScript>("model.pt", {.examples = images}) | td::to_openvino() | td::save("model.xml");
inline constexpr detail::option_maker<to_openvino_t> to_openvino{};

}  // namespace with_openvino

}  // namespace torchdeploy::inline v0
#endif
