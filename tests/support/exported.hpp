#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

#include <torchdeploy/stage/export_onnx.hpp>

#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/process.hpp"

/// Exported models beside what they were exported from.
namespace test {

/// The tensors of a result, numbers as tensors without dimensions.
inline std::vector<at::Tensor> leaves(c10::IValue const& value) {
  if (value.isTensor()) return {value.toTensor()};
  if (value.isNone()) return {};
  if (value.isInt() || value.isDouble() || value.isBool())
    return {at::scalar_tensor(value.toScalar(), td::onnx_call::dtype_of(value))};
  std::vector<at::Tensor> all;
  auto const add = [&](c10::IValue const& each) {
    for (auto const& leaf : leaves(each)) all.push_back(leaf);
  };
  if (value.isTuple())
    for (auto const& each : value.toTupleRef().elements()) add(each);
  else if (value.isList())
    for (c10::IValue const& each : value.toList()) add(each);
  else
    for (auto const& item : value.toGenericDict()) add(item.value());
  return all;
}

/// Why two results differ, in one line; empty where they agree.
inline std::string difference(c10::IValue const& expected, c10::IValue const& got, double rtol, double atol) {
  auto const wanted = leaves(expected), found = leaves(got);
  if (wanted.size() != found.size())
    return std::to_string(wanted.size()) + " outputs, got " + std::to_string(found.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    auto const where = "output " + std::to_string(i) + ": ";
    auto const &a = wanted[i], &b = found[i];
    if (a.scalar_type() != b.scalar_type())
      return where + toString(a.scalar_type()) + ", got " + toString(b.scalar_type());
    if (a.sizes() != b.sizes())
      return where + td::detail::dims_text(a.sizes().vec()) + ", got " + td::detail::dims_text(b.sizes().vec());
    if (!at::allclose(a.to(at::kDouble), b.to(at::kDouble), rtol, atol, /*equal_nan=*/true))
      return where + "differs by " +
             std::to_string((a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item().toDouble());
  }
  return {};
}

/// Its message, and that of what it was made of.
inline std::string text_of(std::exception const& thrown) {
  std::string text = thrown.what();
  try {
    std::rethrow_if_nested(thrown);
  } catch (std::exception const& nested) {
    text += "\n" + std::string(nested.what()).substr(0, 300);
  }
  return text;
}

/// Where a session differs from the module, at one of the sizes; empty: nowhere.
template <class Session>
std::string difference_on(Session const& session, torch::jit::Module const& module,
                          std::vector<td::example> const& sizes, double rtol, double atol) {
  for (auto const& each : sizes) {
    auto const expected = forward(module.deepcopy(), td::detail::copy_of(each));
    std::vector<c10::IValue> tensors;
    for (auto const& argument : each)
      for (auto const& leaf : leaves(argument)) tensors.push_back(leaf.clone());
    auto text = difference(expected, session.run(tensors), rtol, atol);
    if (text.empty()) continue;
    text += " with inputs of";
    for (auto const& tensor : tensors) text += " " + td::detail::dims_text(tensor.toTensor().sizes().vec());
    return text;
  }
  return {};
}

/// How many of the files below OpenVINO could not compile: what it computes of the others is right.
struct openvino_tally {
  std::size_t ran = 0, refused = 0;
};
inline openvino_tally& on_openvino() {
  static openvino_tally tally;
  return tally;
}

/// While one is there, files are not run in OpenVINO: what is tested is known to be otherwise there, docs/onnx.md says which.
class without_openvino {
 public:
  without_openvino() { ++count(); }
  ~without_openvino() { --count(); }
  without_openvino(without_openvino const&) = delete;
  without_openvino& operator=(without_openvino const&) = delete;
  static int& count() {
    static int alive = 0;
    return alive;
  }
};

/// Does the export of a module compute what the module does, at the sizes of `inputs` and at each of `others`? In ONNX Runtime
/// at the opset that the options name, else at 13, 17 and 21; at 17 in OpenVINO too, at the sizes of `inputs`. At 13 an operator
/// may be refused that ONNX has "from opset" some other one; OpenVINO may refuse a file.
inline void check_export(torch::jit::Module const& module, td::example const& inputs,
                         std::vector<td::example> const& others, td::export_onnx_options options = {},
                         double rtol = 1e-4, double atol = 1e-5) {
  options.samples = std::vector<td::example>{inputs};
  auto sizes = others;
  sizes.insert(sizes.begin(), inputs);
  auto const standard = td::export_onnx_options{}.opset;
  // under a sanitizer one is enough of what takes ten times as long there
  auto const opsets = options.opset == standard && frees_at_once ? std::vector<std::int64_t>{standard, 13, 21}
                                                                 : std::vector{options.opset};
  for (auto const opset : opsets) {
    options.opset = opset;
    std::string failure;
    try {
      auto onnx = td::evaluate(module) | td::export_onnx(options);
      failure = difference_on(onnx.clone() | td::deploy<td::OnnxRuntime>({.threads = 1}), module, sizes, rtol, atol);
#ifdef TORCHDEPLOY_WITH_OPENVINO
      if (failure.empty() && opset == standard && without_openvino::count() == 0) {
        try {
          auto const session = std::move(onnx) | td::deploy<td::OpenVino>({.threads = 1});
          ++on_openvino().ran;
          failure = difference_on(session, module, {inputs}, rtol, atol);
          if (!failure.empty()) failure = "OpenVINO: " + failure;
        } catch (td::backend_error const&) {
          ++on_openvino().refused;
        }
      }
#endif
    } catch (std::exception const& thrown) {
      failure = text_of(thrown);
      if (opset < standard && opsets.size() > 1 && failure.find("from opset") != failure.npos) failure.clear();
    }
    CHECK(failure.empty());
    if (failure.empty()) continue;
    FAIL_CHECK("opset " + std::to_string(opset) + ": " + failure);
    break;
  }
}

/// The same of the source of a `forward`, with the batch, dimension 0 of all inputs, left open: at the example's, at 1 and 5.
inline void check_export(std::string const& source, td::example const& inputs,
                         td::export_onnx_options const& options = {}, double rtol = 1e-4, double atol = 1e-5) {
  INFO(source);
  std::vector<td::example> others;
  bool const open = !options.dynamic_axes.are_given() && td::detail::batch_of(inputs).first >= 0;
  if (open)
    for (std::int64_t const batch : {1, 5}) others.push_back(td::detail::rows_of(inputs, 0, batch));
  check_export(scripted(source), inputs, others, options, rtol, atol);
}

/// The same with all sizes fixed.
inline void check_fixed_export(std::string const& source, td::example const& inputs,
                               td::export_onnx_options options = {}, double rtol = 1e-4, double atol = 1e-5) {
  options.dynamic_axes = {{}};
  check_export(source, inputs, options, rtol, atol);
}

}  // namespace test
