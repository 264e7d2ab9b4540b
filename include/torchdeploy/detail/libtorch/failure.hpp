#pragma once

#include <algorithm>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/module.hpp>

namespace torchdeploy::inline v0::detail {

/// What LibTorch threw, in one line. It throws c10::Error, ErrorReport, std::out_of_range and more, with 1-3 kB of text:
/// the sentence that matters is the first, but after the trace of a TorchScript interpreter it is the last that names an
/// error: "RuntimeError: Expected 4D input", "builtins.ValueError: too short". OpenVINO's begins with the places it came
/// through, a line for each.
inline std::string first_words(std::exception const& thrown) {
  auto const* const torch_error = dynamic_cast<c10::Error const*>(&thrown);
  std::string text = torch_error ? torch_error->what_without_backtrace() : thrown.what();
  constexpr std::string_view marker = "Error: ";
  if (text.starts_with("The following operation failed in the TorchScript interpreter"))
    if (auto const at = text.rfind(marker); at != std::string::npos) {
      auto const line = text.rfind('\n', at) + 1;
      text.erase(0, text.find(marker, line) + marker.size());
    }
  while (text.starts_with("Exception from ")) text.erase(0, std::min(text.find('\n'), text.size() - 1) + 1);
  text.erase(0, std::min(text.find_first_not_of(" \n\t"), text.size()));
  text.erase(std::min(text.find('\n'), text.size()));
  return text;
}

/// Run `work`; whatever comes out of LibTorch becomes `Error(code, "<what>: <first words>")`, the original nested.
/// Errors of ours, thrown inside, pass as they are.
template <class Error, class Work>
decltype(auto) translated(errc code, std::string_view what, std::string_view hint, Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (error const&) {
    throw;
  } catch (std::exception const& thrown) {
    std::throw_with_nested(Error(code, std::string(what) + ": " + first_words(thrown), hint));
  }
}

}  // namespace torchdeploy::inline v0::detail
