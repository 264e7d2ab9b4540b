#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include <torchdeploy/core/facts.hpp>
#include <torchdeploy/core/report.hpp>

namespace torchdeploy::inline v0 {

/// A format whose handles travel bare (no examples, no report) says `using record = td::no_record;`.
struct no_record {};

namespace detail {

struct nothing {};

template <class Format>
struct example_of : std::type_identity<nothing> {};
template <class Format>
  requires requires { typename Format::example; }
struct example_of<Format> : std::type_identity<typename Format::example> {};

template <class Format>
struct extras_of : std::type_identity<nothing> {};
template <class Format>
  requires requires { typename Format::extras; }
struct extras_of<Format> : std::type_identity<typename Format::extras> {};

template <class Format>
struct record_of : std::type_identity<record<Format>> {};
template <class Format>
  requires requires { typename Format::record; }
struct record_of<Format> : std::type_identity<typename Format::record> {};

}  // namespace detail

/// What a stage may do with the examples of a format beyond holding them: how options take them, and, where it can be
/// told, `static std::string shape(Example const&)`. Specialised beside the type of the example.
template <class Example>
struct example_traits {
  using samples = std::vector<Example>;
  static Example const& copy(Example const& value) { return value; }
};

/// What travels with a model from stage to stage.
///
/// TorchScript files hold no shapes, so a model carries a few example inputs: from `load`, from the samples given to
/// `quantize`, or from a golden file. Shapes are never guessed.
template <class Format>
struct record {
  using example = typename detail::example_of<Format>::type;
  using extras_type = typename detail::extras_of<Format>::type;

  static constexpr std::size_t max_examples = 8;  ///< bounded, so that a calibration set is not kept alive

  std::vector<example> examples{};
  torchdeploy::report report{};
  [[no_unique_address]] extras_type extras{};  ///< what this format alone needs

  record() = default;
  /// The record of a model that changed its format: the report goes on, examples when their type is the same.
  template <class Other>
  explicit record(record<Other>&& other) : report(std::move(other.report)) {
    if constexpr (std::is_same_v<example, typename record<Other>::example>) examples = std::move(other.examples);
  }

  void add_example(example value) {
    if (examples.size() < max_examples) examples.push_back(std::move(value));
  }
};

/// A model and what is known of it.
///
/// Move-only, since a LibTorch module handle copies by aliasing: `clone()` is the only copy and says so.
/// `Format` is a tag with `using handle = ...;` and optionally `example`, `extras`, `record` and `clone(handle const&)`.
template <class Format, class Facts = facts<>>
class artifact {
 public:
  using format = Format;
  using known = Facts;
  using handle_type = typename Format::handle;
  using record_type = typename detail::record_of<Format>::type;

  constexpr explicit artifact(handle_type handle, record_type record = {})
      : handle_(std::move(handle)), record_(std::move(record)) {}

  artifact(artifact const&) = delete;
  artifact(artifact&&) = default;
  artifact& operator=(artifact const&) = delete;
  artifact& operator=(artifact&&) = default;
  ~artifact() = default;

  /// The same facts in another order are the same artifact.
  template <class Others>
    requires(!std::is_same_v<Others, Facts> && same_facts<Others, Facts>)
  constexpr artifact(artifact<Format, Others>&& other)
      : handle_(std::move(other).handle()), record_(std::move(other).record()) {}

  /// A copy that no stage can change: no weight that can be written to is shared.
  [[nodiscard]] constexpr artifact clone() const {
    if constexpr (requires { Format::clone(handle_); })
      return artifact(Format::clone(handle_), record_);
    else
      return artifact(handle_type(handle_), record_);
  }

  [[nodiscard]] constexpr handle_type const& handle() const& { return handle_; }
  [[nodiscard]] constexpr handle_type&& handle() && { return std::move(handle_); }
  [[nodiscard]] constexpr record_type const& record() const& { return record_; }
  [[nodiscard]] constexpr record_type&& record() && { return std::move(record_); }

  [[nodiscard]] torchdeploy::report const& report() const
    requires requires(record_type const& r) { r.report; }
  {
    return record_.report;
  }
  [[nodiscard]] auto const& examples() const
    requires requires(record_type const& r) { r.examples; }
  {
    return record_.examples;
  }

 private:
  handle_type handle_;
  [[no_unique_address]] record_type record_;
};

namespace detail {
template <class T>
inline constexpr bool is_artifact = false;
template <class Format, class Facts>
inline constexpr bool is_artifact<artifact<Format, Facts>> = true;
}  // namespace detail

template <class T>
concept any_artifact = detail::is_artifact<std::remove_cvref_t<T>>;

}  // namespace torchdeploy::inline v0
