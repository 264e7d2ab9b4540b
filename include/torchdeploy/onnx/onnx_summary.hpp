#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <torchdeploy/backend/tensor_info.hpp>

namespace torchdeploy::inline v0 {

/// What a model of ONNX says of itself, read once.
struct onnx_summary {
  std::int64_t ir_version = 0;
  std::map<std::string, std::int64_t> opsets{};  ///< version by domain; "" is the standard domain
  std::string producer{};  ///< "pytorch 2.13.0"
  std::string graph_name{};
  std::map<std::string, std::string> metadata{};  ///< metadata_props
  /// What a session takes and gives: names, dtypes, shapes with -1 for a dynamic dimension. An initializer that is also
  /// listed as an input, as old exporters do, is none. What is no tensor has a `type`: "List[Tensor]", "Tensor[string]".
  std::vector<tensor_info> inputs{}, outputs{};
  std::map<std::string, std::size_t>
      operators{};  ///< how many nodes run it, subgraphs counted in: "Conv", "com.microsoft::Gelu"
  std::vector<std::string> external_files{};  ///< with the model's weights, relative to its folder
  std::uint64_t external_bytes = 0;  ///< of these files

  [[nodiscard]] std::int64_t opset() const {
    auto const at = opsets.find("");
    return at == opsets.end() ? 0 : at->second;
  }
  [[nodiscard]] std::size_t nodes() const {
    std::size_t count = 0;
    for (auto const& [name, times] : operators) count += times;
    return count;
  }
  [[nodiscard]] bool has_operator(std::string const& name) const { return operators.contains(name); }
};

}  // namespace torchdeploy::inline v0
