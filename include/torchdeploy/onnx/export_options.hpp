#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <torchdeploy/format/samples.hpp>
#include <torchdeploy/onnx/call.hpp>

namespace torchdeploy::inline v0 {

struct export_onnx_options {
  std::vector<std::string> inputs{};   ///< names; default: those of the method's arguments
  std::vector<std::string> outputs{};  ///< names; default: "output", "output_1" of a tuple, the keys of a dict
  /// Sizes that stay open, by input, axis and name: {{"image", {{0, "batch"}, {2, "height"}}}}. Equal names are equal sizes.
  /// Default: the batch, where all inputs share dimension 0. An empty map: none.
  std::optional<std::map<std::string, std::map<std::int64_t, std::string>>> dynamic_axes{};
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
