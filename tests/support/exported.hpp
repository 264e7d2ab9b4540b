#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

#include <torchdeploy/stage/export_onnx.hpp>

#include "support/catch.hpp"
#include "support/models.hpp"

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

/// Does the export of a module compute what the module does, at the sizes of `inputs` and at each of `others`?
inline void check_export(torch::jit::Module const& module, td::example const& inputs,
                         std::vector<td::example> const& others, td::export_onnx_options options = {},
                         double rtol = 1e-4, double atol = 1e-5) {
  options.samples = std::vector<td::example>{inputs};
  std::string failure;
  try {
    auto const session = td::evaluate(module) | td::export_onnx(options) | td::deploy<td::OnnxRuntime>();
    auto sizes = others;
    sizes.insert(sizes.begin(), inputs);
    for (auto const& each : sizes) {
      auto const expected = forward(module.deepcopy(), td::detail::copy_of(each));
      std::vector<c10::IValue> tensors;
      for (auto const& argument : each)
        for (auto const& leaf : leaves(argument)) tensors.push_back(leaf.clone());
      failure = difference(expected, session.run(tensors), rtol, atol);
      if (failure.empty()) continue;
      failure += " with inputs of";
      for (auto const& tensor : tensors) failure += " " + td::detail::dims_text(tensor.toTensor().sizes().vec());
      break;
    }
  } catch (std::exception const& thrown) {
    failure = thrown.what();
    try {
      std::rethrow_if_nested(thrown);
    } catch (std::exception const& nested) {
      failure += "\n" + std::string(nested.what()).substr(0, 300);
    }
  }
  CHECK(failure.empty());
  if (!failure.empty()) FAIL_CHECK(failure);
}

/// The same of the source of a `forward`, with the batch, dimension 0 of all inputs, left open: at the example's, at 1 and 5.
inline void check_export(std::string const& source, td::example const& inputs,
                         td::export_onnx_options const& options = {}, double rtol = 1e-4, double atol = 1e-5) {
  INFO(source);
  std::vector<td::example> others;
  bool const open = !options.dynamic_axes && td::detail::batch_of(inputs).first >= 0;
  if (open)
    for (std::int64_t const batch : {1, 5}) others.push_back(td::detail::rows_of(inputs, 0, batch));
  check_export(scripted(source), inputs, others, options, rtol, atol);
}

/// The same with all sizes fixed.
inline void check_fixed_export(std::string const& source, td::example const& inputs,
                               td::export_onnx_options options = {}, double rtol = 1e-4, double atol = 1e-5) {
  options.dynamic_axes.emplace();
  check_export(source, inputs, options, rtol, atol);
}

}  // namespace test
