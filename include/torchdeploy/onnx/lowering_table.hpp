#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <torchdeploy/onnx/call.hpp>
#include <torchdeploy/onnx/lowering/activation.hpp>
#include <torchdeploy/onnx/lowering/arithmetic.hpp>
#include <torchdeploy/onnx/lowering/attention.hpp>
#include <torchdeploy/onnx/lowering/convolution.hpp>
#include <torchdeploy/onnx/lowering/creation.hpp>
#include <torchdeploy/onnx/lowering/distance.hpp>
#include <torchdeploy/onnx/lowering/exponential.hpp>
#include <torchdeploy/onnx/lowering/indexing.hpp>
#include <torchdeploy/onnx/lowering/linear.hpp>
#include <torchdeploy/onnx/lowering/logic.hpp>
#include <torchdeploy/onnx/lowering/normalization.hpp>
#include <torchdeploy/onnx/lowering/order.hpp>
#include <torchdeploy/onnx/lowering/padding.hpp>
#include <torchdeploy/onnx/lowering/pooling.hpp>
#include <torchdeploy/onnx/lowering/recurrent.hpp>
#include <torchdeploy/onnx/lowering/reduction.hpp>
#include <torchdeploy/onnx/lowering/resize.hpp>
#include <torchdeploy/onnx/lowering/scattering.hpp>
#include <torchdeploy/onnx/lowering/shape.hpp>
#include <torchdeploy/onnx/lowering/slicing.hpp>
#include <torchdeploy/onnx/lowering/stacking.hpp>
#include <torchdeploy/onnx/lowering/windows.hpp>

namespace torchdeploy::inline v0::detail {

/// All operators that can be written in ONNX, a family each to a header in onnx/lowering/.
inline std::unordered_map<std::string_view, onnx_lowering> const& onnx_lowering_table() {
  static auto const table = [] {
    std::unordered_map<std::string_view, onnx_lowering> all;
    auto const add = [&](std::span<onnx_operator const> family) {
      for (auto const& each : family) all.emplace(each.name, onnx_lowering(each.lower, {each.sized_by_data}));
    };
    add(onnx_activations);
    add(onnx_arithmetic);
    add(onnx_attention);
    add(onnx_convolutions);
    add(onnx_creation);
    add(onnx_distances);
    add(onnx_exponentials);
    add(onnx_indexing);
    add(onnx_linear);
    add(onnx_logic);
    add(onnx_normalizations);
    add(onnx_order);
    add(onnx_padding);
    add(onnx_pooling);
    add(onnx_recurrent);
    add(onnx_reductions);
    add(onnx_resizing);
    add(onnx_scattering);
    add(onnx_shapes);
    add(onnx_slicing);
    add(onnx_stacking);
    add(onnx_windows);
    return all;
  }();
  return table;
}

/// An operator that no table knows, and where it is.
struct missing_operator {
  std::string name;
  std::string place;  ///< "aten::histc (head.histc (net.py:12))"
};

/// All that is missing, and what else there is to refuse.
/// @throws export_error 901
inline void refuse_missing(std::vector<missing_operator> const& missing,
                           std::vector<std::exception_ptr> const& refusals) {
  if (missing.empty()) return;
  std::string all, every;
  bool is_quantized = false;
  for (auto const& each : missing) {
    is_quantized = is_quantized || each.name.find("quantize") != std::string::npos;
    all += (all.empty() ? "" : ", ") + each.name;
    every += each.place + "\n";
  }
  for (auto const& each : refusals) try {
      std::rethrow_exception(each);
    } catch (std::exception const& also) {
      every += std::string("also: ") + also.what() + "\n";
    }
  auto const refusal = export_error(errc::operator_missing, "no ONNX form is known of " + all,
                                    is_quantized ? "export the float model, from before it was quantized" : "");
  try {
    throw std::runtime_error(every);
  } catch (std::runtime_error const&) {
    std::throw_with_nested(refusal);
  }
}

struct found_lowering {
  std::string name;
  onnx_lowering lower;  ///< empty: none is known
};

/// What writes an operator: a user's own function, or the table's; of an operator that writes in place, that of the one that
/// does not.
inline found_lowering lowering_of(jit::Node* node, onnx_lowerings const& own) {
  std::string name = node->kind().toQualString();
  auto const& table = onnx_lowering_table();
  for (bool shortened = false;; shortened = true) {
    if (auto const found = own.find(name); found != own.end()) return {name, found->second};
    if (auto const found = table.find(name); found != table.end()) return {name, found->second};
    bool const in_place = name.ends_with('_') && !name.ends_with("__");
    if (shortened || !in_place) return {name, {}};
    name.pop_back();
  }
}

}  // namespace torchdeploy::inline v0::detail

#endif
