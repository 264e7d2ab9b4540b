// The errors that a piece of work ends with, and the form that each of ours has.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

#include <torchdeploy/core/error.hpp>

#include "support/catch.hpp"

namespace td = torchdeploy;

namespace test {

/// The error that `work` ends with: of that class, one line, at most 200 characters, its id first.
template <class Error = td::error, class Work>
Error raised_by(Work&& work, std::string* nested = nullptr) {
  try {
    work();
  } catch (Error const& thrown) {
    std::string const text = thrown.what();
    CHECK(text.size() <= td::error::max_length);
    CHECK_THAT(text, StartsWith("[" + thrown.id() + "] "));
    CHECK(thrown.id().starts_with("torchdeploy."));
    CHECK(text.find('\n') == std::string::npos);
    try {
      std::rethrow_if_nested(thrown);
    } catch (std::exception const& inner) {
      if (nested) *nested = inner.what();
    } catch (...) {  // a user's own
    }
    return thrown;
  }
  throw std::logic_error("expected an error, nothing was thrown");
}

struct failure {
  td::errc code{};
  std::string text{};
  std::string nested{};  ///< what LibTorch said
};

/// The same, as what can be printed and compared.
template <class Error = td::error, class Work>
failure failure_of(Work&& work) {
  std::string nested;
  auto const thrown = raised_by<Error>(std::forward<Work>(work), &nested);
  return {thrown.code(), thrown.what(), std::move(nested)};
}

}  // namespace test
