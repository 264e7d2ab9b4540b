#pragma once

#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/core/artifact.hpp>
#include <torchdeploy/verification/comparing.hpp>
#include <torchdeploy/verification/comparison.hpp>
#include <torchdeploy/verification/criteria.hpp>
#include <torchdeploy/verification/reaction.hpp>
#include <torchdeploy/verification/reference.hpp>
#include <torchdeploy/verification/runner.hpp>

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

/// Both models run sample after sample, in order, each a copy of its own.
template <class Format, class Record, class Reference>
comparison compare_with(typename Format::handle const& handle, Record const& record, Reference const& reference,
                        verify_options const& options) {
  report const* history = nullptr;
  if constexpr (requires { record.report; }) history = &record.report;
  comparing work(plan_criteria(options, history), reference.text());

  std::vector<example> inputs(options.samples.begin(), options.samples.end());
  if constexpr (!Reference::can_be_asked)
    if (inputs.empty()) inputs = reference.recorded.inputs();
  if constexpr (requires { record.examples; })
    if (inputs.empty()) inputs = record.examples;
  if (inputs.empty())
    work.refuse(errc::no_examples, "expected samples to compare on, got none, and the artifact has no examples",
                "verify(reference, {.samples = images}), or load(path, {.examples = images})");

  runner<Format> model(handle, record);
  auto other = work.timed(errc::reference_raised, "the reference", work.result().reference_seconds,
                          [&] { return reference.open(); });
  work.result().reference_seconds = 0;
  reaction seen;
  for (auto const& each : inputs) {
    auto& so_far = work.result();
    auto const got = work.timed(errc::model_raised, "the model", so_far.seconds, [&] { return model(each); });
    auto const expected =
        work.timed(errc::reference_raised, "the reference", so_far.reference_seconds, [&] { return other(each); });
    seen.add(each, expected);
    if (!work.add(got, expected)) break;
  }
  if (work.result().structure.empty()) refuse_degenerate(work, seen, reference, options.allow_degenerate);
  return work.finish();
}

}  // namespace detail

/// How near is a model to its reference? Asks: for one that differs the comparison says so, and nothing is thrown.
///
/// The model is compared in the form that will run (a quantized artifact is lowered), on copies: neither the artifact
/// nor the reference is changed. Both run on the samples in order, so models that keep a state are compared fairly.
/// `reference`: see `any_reference`. Criteria: see `verify_options`; for every output, scored over all samples.
///
/// Throws, since then there is nothing to compare: verification_error 301, 303, 305-309; quantization_error 409.
///
/// @par Example
///     auto const result = td::compare(model, reference, {.samples = images, .sqnr_db = 30});
///     if (!result.passed) std::cerr << result << '\n';
template <class Format, class Facts, any_reference Reference>
  requires runs<Format>
[[nodiscard]] comparison compare(artifact<Format, Facts> const& model, Reference&& reference,
                                 verify_options const& options = {}) {
  return detail::compare_with<Format>(model.handle(), model.record(),
                                      detail::as_reference(std::forward<Reference>(reference)), options);
}

}  // namespace torchdeploy::inline v0
