#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/module.hpp>

namespace torchdeploy::inline v0::detail {

/// What LibTorch threw, in one line: it throws c10::Error, ErrorReport, std::out_of_range and more, with 1-3 kB of text
/// in which the sentence that matters is the last of a TorchScript trace or the first of a C++ one.
inline std::string first_words(std::exception const& thrown) {
  std::string text;
  if (auto const* torch_error = dynamic_cast<c10::Error const*>(&thrown))
    text = torch_error->what_without_backtrace();
  else
    text = thrown.what();
  constexpr std::string_view marker = "RuntimeError: ";
  if (auto const at = text.rfind(marker); at != std::string::npos) text.erase(0, at + marker.size());
  auto const begin = text.find_first_not_of(" \n\t");
  text.erase(0, begin == std::string::npos ? text.size() : begin);
  if (auto const end = text.find('\n'); end != std::string::npos) text.erase(end);
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
