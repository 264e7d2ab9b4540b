// A model in OpenVINO, compiled and called by hand: what tests of the conversion need.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <openvino/openvino.hpp>

#include <torchdeploy/openvino/convert.hpp>

#include "support/models.hpp"

namespace test {

inline ov::Core& openvino() {
  static ov::Core core;
  return core;
}

inline ov::CompiledModel compiled(std::shared_ptr<ov::Model> const& model) {
  return openvino().compile_model(model, "CPU", ov::hint::inference_precision(ov::element::f32),
                                  ov::inference_num_threads(1));
}
inline ov::CompiledModel compiled(torch::jit::Module const& module, std::vector<td::example> const& examples) {
  return compiled(td::detail::to_openvino(module, "forward", examples));
}

/// One call: tensors that the model does not take (it has their defaults) are left out.
inline std::vector<at::Tensor> run(ov::CompiledModel& model, td::example const& inputs) {
  auto request = model.create_infer_request();
  std::vector<at::Tensor> given;
  for (auto const& each : inputs)
    if (each.isTensor() && given.size() < model.inputs().size()) given.push_back(each.toTensor().contiguous().clone());
  for (std::size_t i = 0; i < given.size(); ++i) {
    auto const& sizes = given[i].sizes();
    request.set_input_tensor(i, {td::detail::element_type(given[i].scalar_type()),
                                 ov::Shape(sizes.begin(), sizes.end()), given[i].mutable_data_ptr()});
  }
  request.infer();
  std::vector<at::Tensor> results;
  for (std::size_t i = 0; i < model.outputs().size(); ++i) {
    auto tensor = request.get_output_tensor(i);
    auto const shape = tensor.get_shape();
    auto const dtype = td::detail::scalar_type(tensor.get_element_type()).value();
    results.push_back(
        at::from_blob(tensor.data(), std::vector<std::int64_t>(shape.begin(), shape.end()), dtype).clone());
  }
  return results;
}

/// The least SQNR of all results against LibTorch's; -1 where their number, dtypes or shapes differ.
inline double agreement_db(torch::jit::Module const& module, ov::CompiledModel& model, td::example const& inputs) {
  auto const expected = flat(forward(module, td::example_traits<td::example>::copy(inputs)));
  auto const got = run(model, inputs);
  if (expected.size() != got.size()) return -1;
  double least = 1e3;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (expected[i].sizes() != got[i].sizes() || expected[i].scalar_type() != got[i].scalar_type()) return -1;
    if (at::equal(expected[i], got[i])) continue;
    least = std::min(least, sqnr_db(expected[i].to(at::kDouble), got[i].to(at::kDouble)));
  }
  return least;
}

inline std::vector<std::string> names_of(std::vector<ov::Output<ov::Node const>> const& ports) {
  std::vector<std::string> names;
  for (auto const& each : ports) names.push_back(each.get_any_name());
  return names;
}

}  // namespace test
