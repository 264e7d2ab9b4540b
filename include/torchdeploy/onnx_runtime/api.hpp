#pragma once

#ifdef TORCHDEPLOY_WITH_ONNXRUNTIME

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if __has_include(<onnxruntime_cxx_api.h>)
#include <onnxruntime_cxx_api.h>
#else
#include <onnxruntime/onnxruntime_cxx_api.h>
#endif

#include <torchdeploy/backend/onnx_runtime_options.hpp>
#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/failure.hpp>
#include <torchdeploy/detail/notice.hpp>

/// The only door to ONNX Runtime: is its library one that these headers can use, and what does it log?
namespace torchdeploy::inline v0::detail {

inline void demand_onnx_runtime(OrtApi const* api, std::string_view version) {
  if (!api)
    throw backend_error(errc::runtime_unusable, "expected a library of ONNX Runtime with API " +
                                                    std::to_string(ORT_API_VERSION) + " or newer, got version " +
                                                    std::string(version));
}

/// Checks the library, once; also where a session is made before main, ahead of what sets the API in ONNX Runtime's header.
inline OrtApi const& onnx_runtime_api() {
  static auto const& one = []() -> OrtApi const& {
    if (auto& api = Ort::Global<void>::api_; !api) {
      auto const* const base = OrtGetApiBase();
      api = base->GetApi(ORT_API_VERSION);
      demand_onnx_runtime(api, base->GetVersionString());
    }
    return Ort::GetApi();
  }();
  return one;
}

/// What ONNX Runtime threw, in one line, without the place in its source that many of its texts begin with:
/// "/onnxruntime_src/.../model.cc:256 onnxruntime::Model::Model(...) Unsupported model IR version: 99". Which node failed
/// comes first: "Gather '/embedding/Gather': indices element out of data bounds".
inline std::string onnx_runtime_words(std::exception const& thrown) {
  auto text = first_words(thrown);
  for (std::string_view const extension : {".cc:", ".h:", ".cpp:"})
    if (auto const at = text.find(extension); at != text.npos) {
      auto const begin = text.rfind(' ', at) + 1;  // npos + 1 is 0
      auto end = text.find('(', at);
      for (int depth = 0; end < text.size() && !(text[end] == ')' && --depth == 0); ++end) depth += text[end] == '(';
      if (constexpr std::string_view condition = " was false. "; text.find(condition, at) != text.npos)
        end = text.find(condition, at) + condition.size() - 2;
      if (end < text.size()) text.erase(begin, end + 2 - begin);
      break;
    }
  constexpr std::string_view running = "Non-zero status code returned while running ",
                             name = " node. Name:", message = " Status Message: ";
  if (auto const at = text.find(name), then = text.find(message);
      text.starts_with(running) && at < then && then != text.npos)
    text = text.substr(running.size(), at - running.size()) + " " +
           text.substr(at + name.size(), then - at - name.size()) + ": " + text.substr(then + message.size());
  return text;
}

/// As `translated`, for what ONNX Runtime throws.
template <class Work>
decltype(auto) of_onnx_runtime(errc code, std::string const& what, std::string_view hint, Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (error const&) {
    throw;
  } catch (std::exception const& thrown) {
    std::throw_with_nested(backend_error(code, what + ": " + onnx_runtime_words(thrown), hint));
  }
}

/// What a session says: where nodes were placed, which it tells in no other way that API 21 has, and lines for standard
/// error where they are wanted. It must outlive the session.
struct onnx_runtime_log {
  runtime_log wanted = runtime_log::off;
  std::vector<provider_share> placed{};
  bool compiling = true;  ///< later nothing is written here: calls come from several threads

  static void take(void* into, OrtLoggingLevel level, char const*, char const*, char const*, char const* text) {
    auto& log = *static_cast<onnx_runtime_log*>(into);
    constexpr std::string_view all = " All nodes placed on [", some = " Node(s) placed on [",
                               end = "]. Number of nodes: ";
    std::string_view const line(text);
    if (log.compiling && level == ORT_LOGGING_LEVEL_VERBOSE)
      for (auto const begin : {all, some})
        if (auto const number = line.find(end); line.starts_with(begin) && number != line.npos)
          log.placed.push_back({std::string(line.substr(begin.size(), number - begin.size())),
                                std::strtoull(text + number + end.size(), nullptr, 10)});
    if (static_cast<int>(level) >= severity(log.wanted) && !quiet)
      std::fprintf(stderr, "torchdeploy: ONNX Runtime: %s\n", text);
  }

  /// The least OrtLoggingLevel that is shown.
  static int severity(runtime_log wanted) {
    return wanted == runtime_log::off ? ORT_LOGGING_LEVEL_FATAL + 1
                                      : ORT_LOGGING_LEVEL_FATAL - static_cast<int>(wanted);
  }
};

/// ONNX Runtime has one environment in a process; whoever holds this keeps it. Sessions log for themselves.
inline std::shared_ptr<Ort::Env> onnx_runtime_environment() {
  static auto const one = [] {
    onnx_runtime_api();
    constexpr auto silent = [](void*, OrtLoggingLevel, char const*, char const*, char const*, char const*) {};
    return std::make_shared<Ort::Env>(ORT_LOGGING_LEVEL_FATAL, "torchdeploy", silent, nullptr);
  }();
  return one;
}

}  // namespace torchdeploy::inline v0::detail

#endif
