#pragma once

#include <algorithm>
#include <exception>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/core/pipe.hpp>
#include <torchdeploy/detail/no_grad.hpp>
#include <torchdeploy/format/mobile_lite.hpp>
#include <torchdeploy/format/torchscript.hpp>
#include <torchdeploy/stage/freeze.hpp>

namespace torchdeploy::inline v0 {

/// What `to_mobile` rewrites.
struct to_mobile_options {
  /// Methods to keep: {"encode"}. Default: every exported method. `forward` stays in any case, so that {"forward"} keeps it
  /// alone.
  std::vector<std::string> preserve{};
};

namespace detail {

/// A copy with these methods and `forward` alone, what they call inlined.
inline torch::jit::Module with_methods(torch::jit::Module const& module, std::vector<std::string> const& kept) {
  std::vector<std::string> dropped;
  for (auto const& each : module.get_methods())
    if (each.name() != "forward" && std::find(kept.begin(), kept.end(), each.name()) == kept.end())
      dropped.push_back(each.name());
  auto copy = cloned(module);
  for (auto const& method : copy.get_methods()) {
    torch::jit::Inline(*method.graph());
    remove_no_grad(*method.graph());
  }
  for (auto const& name : dropped) copy.type()->unsafeRemoveMethod(name);
  return copy;
}

/// What of this graph the lite interpreter has no instruction for, and what to do; empty when all can be written. Some
/// of it LibTorch refuses without a name, or, for weights in a layout of oneDNN's, overflows the stack.
inline std::pair<std::string, std::string_view> not_for_mobile(torch::jit::Graph& graph) {
  std::pair<std::string, std::string_view> found;
  for_each_node(graph, [&](torch::jit::Node* node) {
    if (!found.first.empty()) return;
    std::string const kind = node->kind().toQualString();
    if (kind == "prim::fork" || kind == "aten::wait" || kind.starts_with("prim::awaitable"))
      found = {kind, "call the function itself, without torch.jit.fork"};
    else if (kind.starts_with("mkldnn::") || kind.find("MKLDNN") != kind.npos || kind.find("mkldnn") != kind.npos)
      found = {kind, "convert the model before it is optimized for this machine"};
    else if (kind == "prim::CreateObject")
      found = {kind + " of " + node->output()->type()->expectRef<c10::ClassType>().name()->name(),
               "a tuple in place of a class, no `with` but torch.no_grad"};
    else if (kind == "prim::TensorExprGroup" || kind == "prim::PythonOp")
      found = {kind, "script the model without it"};
    for (auto* output : node->outputs())
      if (output->type()->kind() == c10::TypeKind::EnumType)
        found = {kind + " of an enum", "use an int or a string in place of the enum"};
    if (kind == "prim::Constant" && node->hasAttribute(c10::attr::value) &&
        node->kindOf(c10::attr::value) == torch::jit::AttributeKind::t && node->t(c10::attr::value).is_mkldnn())
      found = {"a weight in oneDNN's layout", "convert the model before it is optimized for this machine"};
  });
  return found;
}

inline void refuse_for_mobile(torch::jit::Module const& module) {
  for (auto const& method : module.get_methods())
    if (auto const [what, hint] = not_for_mobile(*method.graph()); !what.empty())
      throw format_error(errc::not_for_mobile,
                         "expected what the mobile runtime can run, got " + what + " in " + method.name(), hint);
}

/// The model as the bytes of a .ptl file.
inline shared_bytes mobile_bytes(torch::jit::Module const& module, torch::jit::ExtraFilesMap const& files) {
  refuse_for_mobile(module);
  return translated<format_error>(errc::not_for_mobile, "LibTorch can't write this model for mobile", {}, [&] {
    std::stringstream out;
    module._save_for_mobile(out, files);
    return all_bytes(out);
  });
}

/// Does the mobile module run where the one it was made from does? Throws when it alone raises.
inline void try_mobile(MobileLite::handle const& model, torch::jit::Module const& original,
                       std::vector<example> const& examples) {
  if (examples.empty()) return;
  auto trial = MobileLite::clone(model);
  for (auto const& each : examples) try {
      MobileLite::run(trial, copy_of(each));
    } catch (std::exception const& thrown) {
      auto other = TorchScript::runnable(original);
      try {
        TorchScript::run(other, copy_of(each));
      } catch (std::exception const&) {
        continue;  // the example is to blame
      }
      std::throw_with_nested(
          format_error(errc::not_for_mobile, "the mobile runtime can't run this model: " + first_words(thrown)));
    }
}

}  // namespace detail

/// Made by `to_mobile`.
struct to_mobile_t : stage<to_mobile_t> {
  using produces = MobileLite;
  using needs = facts<evaluating>;
  using forbids = facts<optimized>;
  static constexpr std::string_view name = "to_mobile";

  to_mobile_options options{};

  template <any_artifact A>
  auto apply(A&& artifact) const {
    auto const module = std::move(artifact).handle();
    auto record = std::move(artifact).record();
    torchdeploy::record<MobileLite> next;
    auto model = detail::timed(record, name, [&] { return converted(module, record, next); });
    auto extras = std::move(next.extras);
    next = torchdeploy::record<MobileLite>(std::move(record));
    next.extras = std::move(extras);
    return after<A, to_mobile_t>(std::move(model), std::move(next));
  }

 private:
  MobileLite::handle converted(torch::jit::Module const& module, record<TorchScript>& from,
                               record<MobileLite>& to) const {
    auto files = from.extras.files;
    if (from.extras.reference) from.extras.reference->stamp(files);
    auto const kept = detail::preserved(module, options.preserve);
    for (auto const& each : kept)
      if (!module.find_method(each))
        throw format_error(errc::preserve_unknown, "expected a method to preserve, got the attribute '" + each + "'",
                           "attributes stay in any case; freeze({.preserve = ...}) keeps them from becoming constants");
    auto const leaving = detail::with_methods(TorchScript::leaving(module, from), kept);
    auto const bytes = detail::mobile_bytes(leaving, files);
    auto model = read_back({bytes->data(), bytes->size()}, to);
    detail::try_mobile(model, leaving, from.examples);

    auto& entry = from.report.current();
    MobileLite::describe(model, entry);
    for (auto const& method : detail::method_names(model.module))
      if (method != "forward") entry.details.emplace_back("preserved", method);
    entry.details.emplace_back("tried on", std::to_string(from.examples.size()) + " examples");
    entry.bytes_before = TorchScript::bytes(module);
    entry.bytes_after = MobileLite::bytes(model);
    return model;
  }

  /// LibTorch writes some models (of lists of strings, of enums) that it does not read.
  static MobileLite::handle read_back(std::span<std::byte const> bytes, record<MobileLite>& to) {
    try {
      return MobileLite::read_again(bytes, to.extras);
    } catch (std::exception const& thrown) {
      std::throw_with_nested(format_error(
          errc::not_for_mobile,
          "expected a model that loads again for mobile, got one that does not: " + detail::first_words(thrown)));
    }
  }
};

/// Convert for LibTorch's lite interpreter, the runtime inside an app: `save("model.ptl")`, `deploy<MobileRuntime>()`.
///
/// The results are those of LibTorch, bit for bit: the same kernels run. No exported method is lost unless asked for. A
/// quantized artifact is lowered, and the file names its engine. The result is loaded back, and tried on the artifact's
/// examples. Freeze first for a smaller and faster file: what LibTorch's `optimizeForMobile` does without XNNPACK is done
/// by freezing, and no build of LibTorch for a desktop has XNNPACK.
///
/// Consumes: TorchScript. Produces: MobileLite. Needs: evaluating. Forbids: optimized.
/// Throws: format_error 701, 801; quantization_error 404, 409.
///
/// @par Example
///     auto model = td::load<td::TorchScript>("model.pt") | td::freeze() | td::to_mobile() | td::save("model.ptl");
inline constexpr detail::option_maker<to_mobile_t> to_mobile{};

}  // namespace torchdeploy::inline v0
