#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <torchdeploy/diagnosis/precision.hpp>
#include <torchdeploy/diagnosis/probe.hpp>

namespace torchdeploy::inline v0::detail {

inline bool is_finite(at::Tensor const& tensor) {
  return (!tensor.is_floating_point() && !tensor.is_complex()) || plain(tensor).isfinite().all().item<bool>();
}

inline bool has_nan(at::Tensor const& tensor) {
  return (tensor.is_floating_point() || tensor.is_complex()) && plain(tensor).isnan().any().item<bool>();
}

/// Does the model write into what it is given? The caller's tensor then changes under his hands.
inline void find_written_inputs(prober& model, example const& inputs, std::vector<finding>& found) {
  auto const given = copy_of(inputs);
  if (!model.run(given).output || identical(given, inputs)) return;
  found.push_back({"input-written", severity::warning, "forward", "the model writes into the tensors that it is given",
                   "x = x.clone() first, or no operator in place (inplace=True, add_) on an input"});
}

/// NaN or infinity from inputs that have none, and float64 from inputs that are narrower.
inline void find_odd_outputs(example const& inputs, c10::IValue const& output, std::vector<finding>& found) {
  bool wide = false, finite = true;
  for (auto const& input : inputs)
    for (auto const& each : tensors_of(input)) {
      wide = wide || is_float64(each);
      finite = finite && is_finite(each);
    }
  auto const outputs = tensors_of(output);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    auto const place = outputs.size() == 1 ? std::string("output") : "output[" + std::to_string(i) + "]";
    if (finite && has_nan(outputs[i]))
      found.push_back({"output-not-finite", severity::fault, place, "the output has NaN, and the sample has none",
                       "compare, layer by layer, with the model in Python; look for 0/0, log(0) and float16"});
    else if (finite && !is_finite(outputs[i]))
      found.push_back({"output-not-finite", severity::warning, place, "the output has infinities, the sample has none",
                       "meant for masks and log(0); else look for overflow, of float16 for instance"});
    if (!wide && is_float64(outputs[i]))
      found.push_back({"float64-leftover", severity::warning, place, "the output is float64, and no input is",
                       "look for numpy values and dtype=torch.float64 in forward"});
  }
}

/// Two copies, the same sample: are the outputs the same?
inline bool find_chance(prober& model, example const& inputs, c10::IValue const& first, std::vector<finding>& found) {
  auto const again = model(inputs);
  if (again.output && relative_difference(tensors_of(*again.output), tensors_of(first)) <= model.tolerance())
    return true;
  found.push_back({"not-deterministic", severity::warning, "forward", "two runs on the same sample differ",
                   "look for dropout that is always on and for random operators; verify can't judge such a model"});
  return false;
}

}  // namespace torchdeploy::inline v0::detail
