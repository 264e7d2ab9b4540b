#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/detail/libtorch/failure.hpp>
#include <torchdeploy/verification/comparison.hpp>
#include <torchdeploy/verification/criteria.hpp>
#include <torchdeploy/verification/outputs.hpp>
#include <torchdeploy/verification/scores.hpp>

namespace torchdeploy::inline v0::detail {

/// Collects what two models answer and comes to a verdict. Knows neither the models nor how they run.
class comparing {
 public:
  comparing(criteria_plan plan, std::string reference) : plan_(std::move(plan)) {
    result_.reference = std::move(reference);
    result_.why = plan_.why;
  }

  [[noreturn]] void refuse(errc code, std::string const& text, std::string const& hint = {}) const {
    throw verification_error(code, text, hint, result_);
  }
  /// Run one side; what it throws is nested in an error that names the sample.
  template <class Work>
  auto timed(errc code, char const* who, double& seconds, Work work) const {
    auto const begin = std::chrono::steady_clock::now();
    auto const raised = [&](std::string const& why) {
      std::throw_with_nested(verification_error(
          code, std::string(who) + " raised on sample " + std::to_string(result_.samples) + ": " + why, {}, result_));
    };
    try {
      auto value = work();
      seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      return value;
    } catch (verification_error const&) {
      throw;
    } catch (std::exception const& thrown) {
      raised(first_words(thrown));
    } catch (...) {
      raised("what it threw is no std::exception");
    }
    throw;  // not reached
  }

  /// False when the structure differs: there is nothing to be compared any more.
  bool add(c10::IValue got, c10::IValue expected) {
    c10::InferenceMode const inference;
    auto const sample = result_.samples++;
    auto difference = align(got, expected, plan_.names);
    if (plan_.options.metric) add_to_metric(sample, got, expected);
    std::vector<leaf> leaves;
    if (difference.empty()) difference = walk(got, expected, leaves);
    if (!difference.empty()) {
      if (plan_.metric_alone()) return true;
      result_.structure = difference;
      return false;
    }
    for (auto const& each : leaves) {
      if (each.got.isTensor())
        add_tensor(sample, each);
      else
        add_value(sample, each);
    }
    return true;
  }

  comparison& result() { return result_; }
  void know(answer_names names) { plan_.names = std::move(names); }
  [[nodiscard]] criteria_plan const& plan() const { return plan_; }

  comparison finish() {
    for (auto const& each : tallies_) result_.outputs.push_back(each.score());
    if (result_.structure.empty())
      judge();
    else
      result_.failure =
          result_.structure + (result_.samples > 1 ? " on sample " + std::to_string(result_.samples - 1) : "");
    for (auto const& each : result_.outputs)
      if (each.not_finite)
        result_.notes.push_back(std::to_string(each.not_finite) + " element(s) are NaN or infinite, first " +
                                place_text(each.first_not_finite));
    result_.passed = result_.failure.empty();
    return std::move(result_);
  }

 private:
  void add_tensor(std::size_t sample, leaf const& each) {
    auto const& expected = each.expected.toTensor();
    if (!expected.defined()) return;
    // an output may come and go from sample to sample (an Optional): find it by name
    auto at = std::find_if(names_.begin(), names_.end(), [&](auto const& name) { return name == each.name; });
    auto const index = static_cast<std::size_t>(at - names_.begin());
    if (at == names_.end()) {
      names_.push_back(each.name);
      tallies_.emplace_back(each.name);
    }
    translated<verification_error>(errc::structure_differs, each.name + " can't be compared", {}, [&] {
      tallies_[index].add(sample, each.got.toTensor(), expected, plan_.within(expected.scalar_type()));
    });
  }
  void add_value(std::size_t sample, leaf const& each) {
    ++values_;
    if (close_values(each.got, each.expected, plan_.within(at::kDouble))) return;
    if (unequal_++ == 0) first_unequal_ = {each.name, sample, {}, each.got, each.expected};
  }
  void add_to_metric(std::size_t sample, c10::IValue const& got, c10::IValue const& expected) {
    auto const raised = [&](std::string const& why) {
      std::throw_with_nested(verification_error(
          errc::metric_raised,
          "the metric '" + plan_.options.metric->name + "' raised on sample " + std::to_string(sample) + ": " + why, {},
          result_));
    };
    try {
      auto const score = plan_.options.metric->score(got, expected);
      metric_sum_ += score;
      if (sample == 0 || (!std::isnan(metric_worst_) && !(score >= metric_worst_))) {
        metric_worst_ = score;
        metric_worst_sample_ = sample;
      }
    } catch (std::exception const& thrown) {
      raised(first_words(thrown));
    } catch (...) {
      raised("what it threw is no std::exception");
    }
  }

  void judge() {
    auto const& asked = plan_.options;
    auto const& outputs = result_.outputs;
    auto& criteria = result_.criteria;
    bool const numbers = asked.sqnr_db || asked.agreement || asked.max_abs || asked.cosine;
    if (numbers && plan_.asked_for && outputs.empty())
      refuse(errc::options_conflict, "expected a tensor among the outputs for this criterion, got none",
             "give a metric");
    if (!outputs.empty()) {
      if (plan_.close) criteria.push_back(judge_close(outputs));
      if (asked.sqnr_db)
        criteria.push_back(judge_number("sqnr", &output_score::sqnr_db, ">=", *asked.sqnr_db, " dB", outputs));
      if (asked.max_abs)
        criteria.push_back(judge_number("max_abs", &output_score::max_abs, "<=", *asked.max_abs, "", outputs));
      if (asked.cosine)
        criteria.push_back(judge_number("cosine", &output_score::cosine, ">=", *asked.cosine, "", outputs));
      if (asked.agreement) judge_agreement(*asked.agreement);
    }
    if (values_ > 0 && !plan_.metric_alone())
      criteria.push_back({"equal", "equal plain values", static_cast<double>(unequal_),
                          std::to_string(unequal_) + " of " + std::to_string(values_) + " differ",
                          first_unequal_.output, unequal_ == 0, first_unequal_});
    if (asked.metric) judge_metric(*asked.metric);
    for (auto const& each : criteria) {
      if (each.passed) continue;
      result_.failure = failure_text(each);
      result_.worst = each.worst;
      return;
    }
    if (outputs.empty()) return;
    auto const& farthest = worst_output(outputs, [](auto const& s) { return s.max_abs; });
    if (farthest.max_abs > 0) result_.worst = farthest.worst;
  }
  void judge_agreement(double threshold) {
    auto choosing = result_.outputs;
    std::erase_if(choosing, [](auto const& s) { return std::isnan(s.agreement); });
    if (choosing.empty())
      refuse(errc::options_conflict,
             "expected outputs with at least 2 values in the last dimension for agreement, got none",
             "use sqnr_db, or a metric");
    auto found = judge_number("agreement", &output_score::agreement, ">=", threshold, "", choosing);
    found.worst = worst_output(choosing, [](auto const& s) { return -s.agreement; }).disagreement;
    result_.criteria.push_back(std::move(found));
  }
  void judge_metric(metric const& own) {
    auto const mean = metric_sum_ / static_cast<double>(result_.samples);
    result_.criteria.push_back({own.name,
                                own.name + " >= " + number_text(own.at_least),
                                mean,
                                number_text(mean) + " (worst: " + number_text(metric_worst_) + " on sample " +
                                    std::to_string(metric_worst_sample_) + ")",
                                {},
                                mean >= own.at_least,
                                {}});
  }

  criteria_plan plan_;
  comparison result_;
  std::vector<std::string> names_;
  std::vector<tally> tallies_;
  std::size_t values_{}, unequal_{}, metric_worst_sample_{};
  compared_element first_unequal_;
  double metric_sum_{}, metric_worst_{};
};

}  // namespace torchdeploy::inline v0::detail
