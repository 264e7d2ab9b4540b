#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <torchdeploy/core/pipe.hpp>
#include <torchdeploy/verification/compare.hpp>
#include <torchdeploy/verification/divergence.hpp>
#include <torchdeploy/verification/divergence_across.hpp>

namespace torchdeploy::inline v0 {

namespace detail {
inline void demand_passed(comparison const& result) {
  if (result.passed) return;
  throw verification_error(
      !result.structure.empty()               ? errc::structure_differs
      : result.batch && !result.batch->passed ? errc::batch_differs
                                              : errc::out_of_tolerance,
      result.failure,
      result.batch && !result.batch->passed ? "export it with a dynamic batch; {.batch = 0} skips this" : "", result);
}
}  // namespace detail

/// Made by `verify`.
template <class Reference>
struct verify_t : stage<verify_t<Reference>> {
  using consumes = any_format;
  using needs = facts<evaluating>;
  using adds = facts<verified>;
  using drops = facts<>;
  static constexpr std::string_view name = "verify";

  Reference reference;
  verify_options options{};

  template <class Format>
  auto run(typename Format::handle handle, record<Format>& record) const {
    static_assert(runs<Format>,
                  "verify takes formats that run: Format::run(handle&, td::example const&), or Format::runs_in, a "
                  "backend of this build");
    auto const result = detail::compare_with(
        detail::artifact_subject<Format, torchdeploy::record<Format>>{handle, record}, reference, options);
    detail::demand_passed(result);
    describe(result, record.report.current());
    if constexpr (std::is_same_v<Reference, detail::golden_reference>)
      if (record.examples.empty())
        for (auto const& each : reference.recorded.inputs()) record.add_example(each);
    return handle;
  }

 private:
  static void describe(comparison const& result, stage_report& entry) {
    auto const add = [&](char const* what, std::string text) { entry.details.emplace_back(what, std::move(text)); };
    for (auto const& each : result.criteria) {
      add("criterion", each.wanted);
      add("score", each.got);
    }
    add("why", result.why);
    add("reference", result.reference);
    add("samples", std::to_string(result.samples));
    for (auto const& each : result.outputs) {
      add("reference range", each.name + ": " + detail::number_text(each.reference_min) + " .. " +
                                 detail::number_text(each.reference_max));
      if (each.max_abs > 0) add("worst", detail::place_text(each.worst));
    }
    for (auto const& each : result.outputs)
      if (each.rows > 0) add("agreement", each.name + ": " + detail::agreement_text(each));
    if (result.batch) add("batch", detail::batch_text(*result.batch));
    if (result.latency) add("latency", detail::latency_text(result));
    for (auto const& each : result.notes) add("note", each);
    for (auto const& each : result.layers) {
      if (each.kind == "output") continue;
      entry.layers.push_back({.name = each.name,
                              .kind = each.kind,
                              .precision = each.precision,
                              .reason = each.structure,
                              .weights = each.weights,
                              .bytes = each.bytes,
                              .milliseconds = each.milliseconds,
                              .sqnr_db = each.score.sqnr_db});
    }
  }
};

namespace detail {
struct verify_maker : stage_maker {
  template <any_reference Reference>
  auto operator()(Reference&& reference, verify_options options = {}) const {
    using held_reference = decltype(as_reference(std::forward<Reference>(reference)));
    return verify_t<held_reference>{{}, as_reference(std::forward<Reference>(reference)), std::move(options)};
  }
  template <answering_session Session, any_reference Reference>
  comparison operator()(Session const& session, Reference&& reference, verify_options const& options = {}) const {
    auto result = compare(session, std::forward<Reference>(reference), options);
    demand_passed(result);
    return result;
  }
};
}  // namespace detail

/// Go on only if the model still does what its reference does: `verify(reference, {.sqnr_db = 30})`.
///
/// `reference` is another artifact or a session (a lvalue is borrowed and must outlive the stage; a rvalue is owned), a
/// `torch::jit::Module`, a callable on the sample's tensors or on an `example`, or `golden("file.pt")`.
///
/// Criteria that are given must all hold. Without any, the report decides: close, with the tolerances of
/// torch.testing.assert_close, when nothing lossy happened to the model; an SQNR of 20 dB when layers are int8, of 10 dB
/// when it was pruned. Samples: `.samples`, else the golden file's inputs, else the artifact's examples, else those of the
/// reference. A reference that any model would agree with is refused: outputs near zero, or that don't react to the inputs.
///
/// The same must hold at another batch size where dimension 0 of the inputs allows (`.batch`); `.per_layer` compares each
/// layer, and where two models part `first_divergence` tells.
///
/// Nothing pipes after `deploy`: `verify(session, reference, {...})` is a call, which returns the comparison.
///
/// Consumes any format that runs; a quantized model is compared as it will run, lowered. The artifact is passed on as it
/// is. Needs: evaluating. Adds: verified. Throws: verification_error 301-311, which carries the `comparison`;
/// quantization_error 409; load_error 108 (a reference without forward). Asking twin: `compare`. docs/verification.md says what each criterion means.
///
/// @par Example
///     auto model = td::load<td::TorchScript>("model.pt") | td::quantize<td::Int8>(images)
///                | td::verify(reference, {.sqnr_db = 30});
inline constexpr detail::verify_maker verify{};

}  // namespace torchdeploy::inline v0
