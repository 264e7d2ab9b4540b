#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <torchdeploy/onnx/external_data.hpp>
#include <torchdeploy/onnx/wire.hpp>

namespace torchdeploy::inline v0::detail {

/// "ai.onnx" is the standard domain's other name.
inline std::string_view onnx_domain(std::string_view name) { return name == "ai.onnx" ? std::string_view() : name; }

/// "Conv", "com.microsoft::Gelu"
inline std::string onnx_operator_name(std::string_view domain, std::string_view type) {
  std::string name(domain);
  if (!name.empty()) name += "::";
  return name += type;
}

/// Domain and version of an OperatorSetIdProto. OpenVINO tries each version below, one by one: 2^40 of them take it more than a minute.
inline std::pair<std::string_view, std::int64_t> onnx_opset(std::string_view bytes) {
  std::pair<std::string_view, std::int64_t> opset;
  for (auto at = onnx_reader(bytes); at.next();)
    if (at.tag() == onnx_operator_set_id::domain)
      opset.first = onnx_domain(view_of(at.get_view()));
    else if (at.tag() == onnx_operator_set_id::version)
      opset.second = at.get_int64();
    else
      at.skip();
  auto const most = opset.first.empty() ? 1000 : std::numeric_limits<std::int32_t>::max();  // ONNX's own are below 30
  if (opset.second < 1 || opset.second > most)
    onnx_invalid("no opset " + std::to_string(opset.second) + " of domain " + quoted_name(opset.first));
  return opset;
}

/// How many values a subgraph takes and gives.
struct onnx_signature {
  std::size_t inputs = 0, outputs = 0;
  bool goes_on = false;  ///< a Loop's body: its condition is true after each pass
};

struct onnx_node_view {
  std::vector<std::string_view> inputs{}, outputs{}, attributes{};
  std::string_view name{}, type{}, domain{}, overload{};

  explicit onnx_node_view(std::string_view bytes) {
    for (auto at = onnx_reader(bytes); at.next();) switch (at.tag()) {
        case onnx_node::input:
          inputs.push_back(view_of(at.get_view()));
          break;
        case onnx_node::output:
          outputs.push_back(view_of(at.get_view()));
          break;
        case onnx_node::attribute:
          attributes.push_back(view_of(at.get_view()));
          break;
        case onnx_node::name:
          name = view_of(at.get_view());
          break;
        case onnx_node::op_type:
          type = view_of(at.get_view());
          break;
        case onnx_node::domain:
          domain = onnx_domain(view_of(at.get_view()));
          break;
        case onnx_node::overload:
          overload = view_of(at.get_view());
          break;
        default:
          at.skip();
      }
  }
};

/// Which values a node may read: of its own graph, and of those around it.
class onnx_scope {
 public:
  explicit onnx_scope(onnx_scope const* around = nullptr) : around_(around) {}

  [[nodiscard]] bool has(std::string_view name) const {
    return names_.contains(name) || (around_ && around_->has(name));
  }
  /// False when it is there already.
  bool add(std::string_view name) { return names_.insert(name).second; }

  /// Those that let a Loop go on: see endless.hpp.
  [[nodiscard]] bool goes_on(std::string_view name) const {
    return going_on_.contains(name) || (!names_.contains(name) && around_ && around_->goes_on(name));
  }
  void add_going_on(std::string_view name) { going_on_.insert(name); }

 private:
  std::unordered_set<std::string_view> names_, going_on_;
  onnx_scope const* around_;
};

}  // namespace torchdeploy::inline v0::detail

#endif
