// A small model from TorchScript source, with all that a check of `diagnose` asks for.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <torchdeploy/diagnosis/probe.hpp>

#include "support/models.hpp"

namespace test {

/// What `find(inspected, findings)` finds in the module's forward.
template <class Find>
std::vector<td::finding> found_in(torch::jit::Module const& module, Find const& find) {
  std::vector<td::finding> all;
  find(td::detail::inspect(module), all);
  return all;
}

/// A model that can be run by a check.
struct probed {
  explicit probed(torch::jit::Module const& source) : module(source), in(td::detail::inspect(module)) {}
  explicit probed(std::string const& source) : probed(scripted(source)) {}
  probed(probed const&) = delete;
  probed& operator=(probed const&) = delete;

  torch::jit::Module module;
  td::record<td::TorchScript> record{};
  td::detail::inspected in;
  td::detail::prober run{module, record, *in.graph};
};

/// "baked-batch fault, rows-mix note"
inline std::string summary(std::vector<td::finding> const& found) {
  std::string text;
  for (auto const& each : found)
    text += (text.empty() ? "" : ", ") + each.id +
            (each.level == td::severity::fault     ? " fault"
             : each.level == td::severity::warning ? " warning"
                                                   : " note");
  return text;
}

}  // namespace test
