#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <torchdeploy/detail/libtorch/tensor_ops.hpp>

/// Which dtypes ONNX's operators take, and what is computed in another one instead.
namespace torchdeploy::inline v0::detail {

/// Of operators the dtypes that ONNX defines them for and ONNX Runtime 1.32 runs them in, from an opset on: measured by
/// tools/measure_operator_dtypes.py, at opsets 13 to 21. A letter for each: h half, b bfloat16, f float, d double, c int8, s int16,
/// i int32, l int64, u uint8, B bool. Some are left out on purpose: sums and products of small ints, which OpenVINO keeps within
/// the dtype where LibTorch wraps around (0 - 1 of uint8 is 255); sums of half overflow at 65504 on devices that add them in
/// half, and LibTorch adds them in float; bfloat16 that ONNX Runtime has by chance in one operator of several.
struct onnx_dtypes_row {
  std::string_view kinds;
  std::int64_t since;
  std::string_view dtypes;
};
inline constexpr onnx_dtypes_row onnx_dtypes_table[] = {
    // what only moves elements
    {"Reshape Flatten Squeeze Unsqueeze Transpose Identity Slice Split Concat Gather GatherElements GatherND ScatterND "
     "ScatterElements Shape Cast",
     13, "hbfdcsiluB"},
    {"Tile Expand Compress Size", 13, "hfdcsiluB"},
    {"ScatterND+ ScatterElements+", 16, "fdcsilu"},
    {"Where", 13, "hfdcilu"},
    {"Pad", 13, "hfdciluB"},
    {"Trilu", 14, "hfdilB"},
    {"OneHot", 13, "hfl"},
    {"DepthToSpace SpaceToDepth", 13, "hfdcu"},
    {"NonZero", 13, "hfiluB"},
    {"TopK", 13, "hfdcsilu"},
    {"Range", 13, "fdsil"},
    // arithmetic
    {"Add Sub Mul Div", 13, "hfdil"},
    {"Mod", 13, "hfdcsilu"},
    {"Pow MatMul Einsum", 13, "hfdil"},
    {"Gemm", 13, "hfd"},
    {"Neg", 13, "hfdcsil"},
    {"Abs Sign Shrink", 13, "hfdcsilu"},
    {"Max Min Clip", 13, "hfdcilu"},
    {"Sqrt Reciprocal Floor Ceil Round Exp Log Sin Cos Sigmoid Tanh Softmax LogSoftmax IsNaN", 13, "hfd"},
    {"Erf Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh", 13, "hf"},
    {"BitwiseAnd BitwiseOr BitwiseXor BitwiseNot", 18, "csilu"},
    // comparison and logic
    {"Equal", 13, "hfdcsiluB"},
    {"Less Greater LessOrEqual GreaterOrEqual", 13, "hfdcsilu"},
    {"And Or Xor Not", 13, "B"},
    // activations
    {"Relu", 13, "hfd"},
    {"Relu", 14, "hfdci"},
    {"Celu", 13, "f"},
    {"Elu Selu LeakyRelu PRelu HardSigmoid HardSwish Softplus Mish Gelu", 13, "hf"},
    // reductions
    {"ReduceSum ReduceMean ReduceProd ReduceL1 ReduceL2 ReduceLogSumExp", 13, "fdil"},
    {"ReduceMax ReduceMin", 13, "hfdcilu"},
    {"ReduceMax ReduceMin", 20, "hfdciluB"},
    {"ArgMax ArgMin", 13, "hfdcilu"},
    {"CumSum", 13, "fdil"},
    // layers
    {"Conv ConvTranspose InstanceNormalization AveragePool GlobalAveragePool", 13, "hf"},
    {"LSTM GRU RNN", 13, "f"},
    {"BatchNormalization LayerNormalization", 13, "hfd"},
    {"MaxPool", 13, "hfdcu"},
    {"Resize", 13, "hfciu"},
    {"GridSample", 13, "hf"},
    {"GridSample", 20, "hfd"},
};

inline constexpr std::string_view onnx_dtype_letters = "hbfdcsiluB";
inline constexpr at::ScalarType onnx_lettered_dtypes[] = {at::kHalf, at::kBFloat16, at::kFloat, at::kDouble,
                                                          at::kChar, at::kShort,    at::kInt,   at::kLong,
                                                          at::kByte, at::kBool};

/// In what to compute instead, the best first: what holds every number of the dtype; double in float, for want of better.
constexpr std::string_view onnx_dtypes_instead_of(char letter) {
  switch (letter) {
    case 'h':
    case 'b':
    case 'd':
      return "f";
    case 'c':
    case 's':
    case 'u':
      return "ild";
    case 'i':
      return "ld";
    case 'B':
      return "il";
    default:
      return "";
  }
}

/// The dtype to run an operator in: the one given where runtimes take it, or where nothing is known of the operator.
/// None: there is no other one that holds its numbers.
inline std::optional<at::ScalarType> onnx_dtype_for(std::string_view kind, std::int64_t opset, at::ScalarType given) {
  using of_kind = std::vector<onnx_dtypes_row const*>;
  static auto const table = [] {
    std::unordered_map<std::string_view, of_kind> all;
    for (auto const& row : onnx_dtypes_table)
      for (auto rest = row.kinds; !rest.empty();) {
        auto const name = rest.substr(0, rest.find(' '));
        all[name].push_back(&row);
        rest.remove_prefix(std::min(rest.size(), name.size() + 1));
      }
    return all;
  }();
  auto const found = table.find(kind);
  char letter = 0;
  for (std::size_t i = 0; i < onnx_dtype_letters.size(); ++i)
    if (onnx_lettered_dtypes[i] == given) letter = onnx_dtype_letters[i];
  if (found == table.end() || letter == 0) return given;
  std::string_view taken;
  for (auto const* row : found->second)
    if (row->since <= opset) taken = row->dtypes;
  if (taken.empty() || taken.find(letter) != taken.npos) return given;
  for (auto const each : onnx_dtypes_instead_of(letter))
    if (taken.find(each) != taken.npos) return onnx_lettered_dtypes[onnx_dtype_letters.find(each)];
  return std::nullopt;
}

/// The input whose dtype tells what the operator runs in, and which its results have.
constexpr std::size_t onnx_leading_input(std::string_view kind) {
  if (kind == "Where") return 1;
  return kind == "OneHot" ? 2 : 0;
}

/// The dtype of a result that is not the leading input's: places, sizes and flags.
inline std::optional<at::ScalarType> onnx_own_result_dtype(std::string_view kind, std::size_t place) {
  for (auto const* each : {"Shape", "Size", "NonZero", "ArgMax", "ArgMin"})
    if (kind == each) return at::kLong;
  for (auto const* each :
       {"Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "And", "Or", "Xor", "Not", "IsNaN", "IsInf"})
    if (kind == each) return at::kBool;
  if (place == 1 && (kind == "TopK" || kind == "MaxPool")) return at::kLong;
  return std::nullopt;
}
/// Do its results have the leading input's dtype, but for those above? Of an operator that the table has not nothing is known.
inline bool onnx_keeps_dtype(std::string_view kind) {
  for (auto const& row : onnx_dtypes_table)
    for (auto at = row.kinds.find(kind); at != row.kinds.npos; at = row.kinds.find(kind, at + 1)) {
      auto const end = at + kind.size();
      if ((at == 0 || row.kinds[at - 1] == ' ') && (end == row.kinds.size() || row.kinds[end] == ' ')) return true;
    }
  return false;
}

/// Does a dtype hold every number of another?
inline bool onnx_holds(at::ScalarType wider, at::ScalarType narrower) {
  if (narrower == at::kHalf || narrower == at::kBFloat16) return wider == at::kFloat || wider == at::kDouble;
  return narrower == at::kFloat && wider == at::kDouble;
}

}  // namespace torchdeploy::inline v0::detail

#endif
