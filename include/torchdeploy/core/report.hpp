#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <torchdeploy/fwd.hpp>

namespace torchdeploy::inline v0 {

/// How loud a finding is: `note` for what is good to know, `warning` for what may be wrong, `fault` for what is wrong.
enum class severity { note, warning, fault };

/// Something noticed about a model, with a stable id that is a heading in docs/pitfalls.md.
struct finding {
  std::string id{};     ///< e.g. "train-mode-trace"
  severity level{};     ///<
  std::string place{};  ///< the layer, method or attribute
  std::string text{};   ///< one sentence
  std::string hint{};   ///< what to do

  bool operator==(finding const&) const = default;
};

/// What became of one layer of the model.
struct layer_report {
  std::string name{};            ///< path inside the model, e.g. "layer1.0.conv2"
  std::string kind{};            ///< the operator, e.g. "conv2d"
  std::string precision{};       ///< "int8" or "float32"
  std::string reason{};          ///< why not int8; empty when it is
  std::uint64_t weights{};       ///< elements in its weight
  std::uint64_t bytes{};         ///< bytes of its weight as it will be stored
  double sparsity{};             ///< fraction of its weights that are zero
  std::uint64_t slices{};        ///< along the dimension that was pruned, else 0
  std::uint64_t zero_slices{};   ///< of these, all zero
  std::optional<double> milliseconds{};  ///< of one call, where a stage measured it
  std::optional<double> sqnr_db{};       ///< of its output against the reference's, where a stage compared them

  bool operator==(layer_report const&) const = default;
};

/// What one stage did.
struct stage_report {
  std::string stage{};                                         ///< "quantize", "acme::fold_bias"
  double seconds{};                                            ///< wall time
  std::uint64_t bytes_before{};                                ///< weights and buffers, as stored; 0 where not told
  std::uint64_t bytes_after{};                                 ///<
  std::vector<std::pair<std::string, std::string>> details{};  ///< e.g. {"engine", "x86"}, in order
  std::vector<layer_report> layers{};                          ///<
  std::vector<finding> findings{};                             ///<

  /// The value of a detail, or an empty view.
  [[nodiscard]] std::string_view detail(std::string_view name) const {
    for (auto const& [key, value] : details)
      if (key == name) return value;
    return {};
  }

  bool operator==(stage_report const&) const = default;
};

namespace detail {

/// The name of a type as the user wrote it, without this library's namespaces.
template <class T>
consteval std::string_view type_name() {
  std::string_view name = __PRETTY_FUNCTION__;
  name.remove_prefix(name.find("T = ") + 4);
  name = name.substr(0, name.find_first_of(";]"));
  for (std::string_view const ours : {"torchdeploy::", "v0::"})
    if (name.substr(0, ours.size()) == ours) name.remove_prefix(ours.size());
  return name;
}

template <class S>
consteval std::string_view stage_name() {
  using stage_type = std::remove_cvref_t<S>;
  if constexpr (requires { std::string_view(stage_type::name); })
    return stage_type::name;
  else
    return type_name<stage_type>();
}

}  // namespace detail

/// What each stage did, in order. It travels with the model; print it with `<<` or `to_text`.
class report {
 public:
  /// Measures one stage for as long as it lives.
  class clock {
   public:
    explicit clock(report& owner) : owner_(&owner), index_(owner.stages_.size() - 1) {}
    clock(clock const&) = delete;
    clock& operator=(clock const&) = delete;
    ~clock() {
      if (index_ >= owner_->stages_.size()) return;  // the stage replaced the report
      owner_->stages_[index_].seconds =
          std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    }

   private:
    report* owner_;
    std::size_t index_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  };

  [[nodiscard]] std::vector<stage_report> const& stages() const { return stages_; }
  [[nodiscard]] bool empty() const { return stages_.empty(); }

  /// The last run of a stage of that name, or null.
  [[nodiscard]] stage_report const* find(std::string_view stage) const {
    stage_report const* last = nullptr;
    for (auto const& each : stages_)
      if (each.stage == stage) last = &each;
    return last;
  }

  /// All findings of all stages, in order.
  [[nodiscard]] std::vector<finding> findings() const {
    std::vector<finding> all;
    for (auto const& stage : stages_)
      for (auto const& each : stage.findings) all.push_back(each);
    return all;
  }

  /// For the pipe: a stage begins. Its entry is `current()` until the next begins.
  clock start(std::string_view stage) {
    stages_.push_back({std::string(stage)});
    return clock(*this);
  }
  /// For a stage: where to write what it did.
  [[nodiscard]] stage_report& current() {
    if (stages_.empty()) stages_.emplace_back();
    return stages_.back();
  }

  bool operator==(report const&) const = default;

 private:
  std::vector<stage_report> stages_;
};

namespace detail {
/// Do a stage's work, timed in the report where the format keeps one.
template <class Record, class Work>
constexpr auto timed(Record& record, std::string_view stage, Work const& work) {
  if constexpr (requires { record.report; }) {
    auto const clock = record.report.start(stage);
    return work();
  } else {
    return work();
  }
}
}  // namespace detail

}  // namespace torchdeploy::inline v0
