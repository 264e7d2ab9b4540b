#pragma once

#include <concepts>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <torchdeploy/core/artifact.hpp>
#include <torchdeploy/detail/libtorch/without_onednn.hpp>
#include <torchdeploy/verification/batch.hpp>
#include <torchdeploy/verification/comparing.hpp>
#include <torchdeploy/verification/comparison.hpp>
#include <torchdeploy/verification/criteria.hpp>
#include <torchdeploy/verification/latency.hpp>
#include <torchdeploy/verification/layer_comparing.hpp>
#include <torchdeploy/verification/other_sizes.hpp>
#include <torchdeploy/verification/reaction.hpp>
#include <torchdeploy/verification/reference.hpp>
#include <torchdeploy/verification/runner.hpp>
#include <torchdeploy/verification/session_runner.hpp>

namespace torchdeploy::inline v0 {

namespace detail {

template <class Reference>
void refuse_degenerate(comparing& work, reaction& seen, Reference const& reference, bool allowed) {
  bool probed = false;
  if (seen.undecided()) {
    if constexpr (Reference::can_be_asked) probed = seen.probe([&] { return reference.probe(); });
    work.result().notes.push_back(
        probed ? "there is one sample only: the reference was also asked about a changed one"
               : "there is one sample only: whether the reference reacts to its inputs is not known");
  }
  for (auto& note : seen.notes()) work.result().notes.push_back(std::move(note));
  auto const complaint = seen.complaint(probed);
  if (complaint.empty()) return;
  if (!allowed) work.refuse(errc::degenerate_reference, complaint, "give other samples, or {.allow_degenerate = true}");
  work.result().notes.push_back("allowed: " + complaint);
}

template <class A>
  requires std::same_as<typename std::remove_cvref_t<A>::format, TorchScript>
layered layered_of(artifact_reference<A> const& reference) {
  return layered_of(reference.model.get());
}
inline layered layered_of(module_reference const& reference) { return layered_of(reference.module); }

/// What is compared: an artifact, in the form that leaves.
template <class Format, class Record>
struct artifact_subject {
  typename Format::handle const& handle;
  Record const& record;

  [[nodiscard]] report const* history() const {
    if constexpr (requires { record.report; })
      return &record.report;
    else
      return nullptr;
  }
  [[nodiscard]] std::vector<example> examples() const {
    if constexpr (requires { record.examples; })
      return record.examples;
    else
      return {};
  }
  [[nodiscard]] runner<Format> open() const { return {handle, record}; }
  /// Sizes that an export left open.
  [[nodiscard]] auto open_sizes() const
    requires requires { handle.open_sizes; }
  {
    return handle.open_sizes;
  }
  template <class Reference>
  static constexpr bool has_layers_with =
      std::same_as<Format, TorchScript> && requires(Reference const& reference) { layered_of(reference); };

  /// Layer by layer, with the tolerance of the outputs; where that means nothing for a layer, with the report's.
  template <class Reference>
  void compare_layers(comparison& result, Reference const& reference, criteria_plan plan,
                      std::vector<example> const& inputs) const {
    auto const calls = plan.options.latency_calls;
    if (tolerance_text(plan).empty()) plan = plan_criteria({}, &record.report);
    try {
      auto compared =
          layer_comparing(layered_of(handle, record), layered_of(reference), std::move(plan))(inputs, calls);
      result.layers = std::move(compared.layers);
      result.notes.insert(result.notes.end(), compared.notes.begin(), compared.notes.end());
    } catch (verification_error const& thrown) {
      if (result.passed) throw;  // else what failed before is what matters
      result.notes.push_back(std::string("not compared by layer: ") + thrown.what());
    }
  }
};

/// What is compared: a session of any backend, with a state of its own.
template <class Session>
struct session_subject {
  Session const& session;

  [[nodiscard]] report const* history() const {
    if constexpr (requires { session.report(); })
      return &session.report();
    else
      return nullptr;
  }
  [[nodiscard]] std::vector<example> examples() const {
    if constexpr (requires { std::vector<example>(session.examples()); })
      return session.examples();
    else
      return {};
  }
  [[nodiscard]] session_runner<Session> open() const { return session_runner<Session>(session); }
  template <class Reference>
  static constexpr bool has_layers_with = false;
};

/// Of an answer that is a list.
template <class Runner>
std::vector<std::string> names_of(Runner const& runner) {
  if constexpr (requires { runner.names(); })
    return runner.names();
  else
    return {};
}

/// See `without_onednn`. A function of the user's and a golden file don't tell.
template <class Runner>
bool may_have_lstm(Runner const& runner) {
  if constexpr (requires { runner.may_have_lstm(); })
    return runner.may_have_lstm();
  else
    return false;
}

template <class S>
void is_session_reference(session_reference<S> const&);

/// What a reference lends where the model has no examples.
template <class Reference>
std::vector<example> examples_of(Reference const& reference) {
  if constexpr (requires { std::vector<example>(reference.model.get().examples()); })
    return reference.model.get().examples();
  else
    return {};
}

/// The calls of a comparison, in ms: those of a user's own function are not repeated to be measured.
struct call_times {
  std::vector<double> model{}, reference{};
};

template <class Model, class Other, class Reference>
void measure_latency(comparison& result, verify_options const& options, Model& model, Other& other, Reference const&,
                     std::vector<example> const& inputs, call_times const& seen) {
  std::vector<std::function<double(example const&)>> sides{
      [&](example const& each) { return timed_call(model, each); }};
  if constexpr (Reference::may_be_repeated)
    sides.push_back([&](example const& each) { return timed_call(other, each); });
  measuring const how{options.latency_calls, seen.model.size(), result.seconds + result.reference_seconds};
  auto const taken = call_in_turn(sides, inputs, how);
  result.latency = latency_of(taken[0]);
  if (!result.latency && options.latency_calls != 0)
    result.notes.push_back(
        "latency was not measured: warming up takes too long, or a call raised; {.latency_calls = 5} insists");
  if constexpr (Reference::may_be_repeated)
    result.reference_latency = latency_of(taken[1]);
  else if (Reference::can_be_asked && result.latency)
    result.reference_latency = latency_of(seen.reference);
}

/// Both models run sample after sample, in order, each a copy of its own.
template <class Subject, class Reference>
comparison compare_with(Subject const& subject, Reference const& reference, verify_options const& options) {
  check(options);
  constexpr bool has_layers = Subject::template has_layers_with<Reference>;
  auto model = subject.open();
  auto const names = names_of(model);
  runtimes_compared run{.differ = !names.empty()};
  if constexpr (requires { is_session_reference(reference); }) {
    using other = std::remove_cvref_t<decltype(reference.model.get())>;
    run.differ = gives_named_tensors<other> ? names.empty() : !names.empty();
    run.reference = session_subject<other>{reference.model.get()}.history();
  }
  comparing work(plan_criteria(options, subject.history(), run), reference.text());
  if (options.per_layer && !has_layers)
    work.refuse(errc::options_conflict, "expected models with layers to compare by, got " + reference.text(),
                "{.per_layer = true} takes a TorchScript artifact or a module as the reference");

  std::vector<example> inputs(options.samples.begin(), options.samples.end());
  if constexpr (!Reference::can_be_asked)
    if (inputs.empty()) inputs = reference.recorded.inputs();
  if (inputs.empty()) inputs = subject.examples();
  if (inputs.empty()) inputs = examples_of(reference);
  if (inputs.empty())
    work.refuse(errc::no_examples, "expected samples to compare on, got none, and neither model has examples",
                "verify(reference, {.samples = images}), or load(path, {.examples = images})");
  if (auto const why = too_large(options.batch.value_or(0), inputs.front()); !why.empty())
    work.refuse(errc::options_conflict, why, "a smaller .batch shows as much");

  auto other = work.timed(errc::reference_raised, "the reference", work.result().reference_seconds,
                          [&] { return reference.open(); });
  work.result().reference_seconds = 0;
  work.know({names, names_of(other)});
  reaction seen;
  call_times times;
  c10::IValue first;
  for (auto const& each : inputs) {
    auto& so_far = work.result();
    auto const call = [&](errc code, char const* who, double& seconds, std::vector<double>& taken, auto& side) {
      auto const own = copy_of(each);  // which is not what is measured
      auto const before = seconds;
      auto output = work.timed(code, who, seconds, [&] { return side.run(own); });
      taken.push_back((seconds - before) * 1e3);
      return output;
    };
    auto const got = call(errc::model_raised, "the model", so_far.seconds, times.model, model);
    auto const expected =
        call(errc::reference_raised, "the reference", so_far.reference_seconds, times.reference, other);
    if (first.isNone()) first = copy_of(got);
    seen.add(each, expected);
    if (!work.add(got, expected)) break;
  }
  bool const same_structure = work.result().structure.empty();
  if (same_structure) refuse_degenerate(work, seen, reference, options.allow_degenerate);
  auto const plan = work.plan();
  auto result = work.finish();
  if (same_structure) measure_latency(result, options, model, other, reference, inputs, times);
  if (result.passed && options.batch != 0) {
    without_onednn const checked(may_have_lstm(model) || may_have_lstm(other));
    auto const check_others = [&](auto& asked) {
      check_batch(result, plan, inputs, model, asked, first);
      if constexpr (requires { subject.open_sizes(); })
        check_open_sizes(result, plan, subject.open_sizes(), inputs.front(), model, asked);
    };
    if constexpr (Reference::may_be_repeated) {
      check_others(other);
    } else if constexpr (Reference::can_be_asked) {
      auto probe = reference.probe();
      check_others(probe);
    } else {
      result.notes.push_back("compared at one batch size only: a golden file can't be asked");
    }
  }
  if constexpr (has_layers)
    if (options.per_layer) subject.compare_layers(result, reference, plan, inputs);
  return result;
}

}  // namespace detail

/// How near is a model to its reference? Asks: for one that differs the comparison says so, and nothing is thrown.
///
/// The model is compared in the form that will run (a quantized artifact is lowered), on copies: neither the artifact
/// nor the reference is changed. Both run on the samples in order, so models that keep a state are compared fairly.
/// `reference`: see `any_reference`. Criteria: see `verify_options`; for every output, scored over all samples.
///
/// The same must hold at another batch size, see `batch_check`; latency of both is measured, see `latency`; layers are
/// compared when asked, see `layer_score`.
///
/// Throws, since then there is nothing to compare: verification_error 301, 303, 305-309, 311; quantization_error 409.
///
/// @par Example
///     auto const result = td::compare(model, reference, {.samples = images, .sqnr_db = 30});
///     if (!result.passed) std::cerr << result << '\n';
template <class Format, class Facts, any_reference Reference>
  requires runs<Format>
[[nodiscard]] comparison compare(artifact<Format, Facts> const& model, Reference&& reference,
                                 verify_options const& options = {}) {
  return detail::compare_with(
      detail::artifact_subject<Format, typename artifact<Format, Facts>::record_type>{model.handle(), model.record()},
      detail::as_reference(std::forward<Reference>(reference)), options);
}

/// The same of a session of any backend: with its report, its examples, and a state of its own where the backend can tell
/// of one. A runtime other than LibTorch gives a list of tensors: that is the structure of a reference's tuple or dict if
/// it has the same leaves, by name ("output_1", a key) or else by order.
///
/// Throws as above, and verification_error 307 where a sample holds what the runtime can't take.
///
/// @par Example
///     auto const session = model.clone() | td::deploy<td::MobileRuntime>();
///     std::cout << td::compare(session, model, {.samples = images});
template <answering_session Session, any_reference Reference>
[[nodiscard]] comparison compare(Session const& session, Reference&& reference, verify_options const& options = {}) {
  return detail::compare_with(detail::session_subject<Session>{session},
                              detail::as_reference(std::forward<Reference>(reference)), options);
}

}  // namespace torchdeploy::inline v0
