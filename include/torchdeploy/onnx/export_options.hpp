#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/format/samples.hpp>
#include <torchdeploy/onnx/call.hpp>

namespace torchdeploy::inline v0 {

/// Sizes that stay open, by input, axis and name: `{{"image", {{0, "batch"}, {2, "height"}}}}`. Equal names are equal sizes.
/// `{}` is the default, the batch where all inputs share dimension 0; `{{}}`, or an empty map, is none.
class onnx_axes {
 public:
  using by_input = std::map<std::string, std::map<std::int64_t, std::string>>;

  onnx_axes() = default;
  onnx_axes(by_input axes) : axes_(std::move(axes)) {}  // NOLINT: a conversion is what it is for
  onnx_axes(std::initializer_list<by_input::value_type> axes) : axes_(by_input(axes)) {
    axes_->erase("");  // of `{{}}`
  }

  [[nodiscard]] bool are_given() const { return axes_.has_value(); }
  [[nodiscard]] by_input const& given() const { return *axes_; }

 private:
  std::optional<by_input> axes_{};
};

/// How `export_onnx` writes a model.
struct export_onnx_options {
  std::vector<std::string> inputs{};  ///< names; default: those of the method's arguments
  std::vector<std::string> outputs{};  ///< names; default: "output", "output_1" of a tuple, the keys of a dict
  onnx_axes dynamic_axes{};  ///< sizes that stay open
  std::int64_t opset = 17;  ///< 13 to 21
  std::string method = "forward";
  torchdeploy::samples samples{};  ///< the first is used; default: the artifact's examples
  onnx_lowerings operators{};  ///< of yours, or written in another way: {"my::op", function}
  /// Weights in a file of their own, which `save` puts beside the model's; they are in any case above 2 GB.
  bool external_data = false;
  std::map<std::string, std::string> metadata{};  ///< beside LibTorch's version and the stages that came before
};

}  // namespace torchdeploy::inline v0

#endif
