#include <torchdeploy/pruning/mask.hpp>

#include <optional>
#include <string>
#include <vector>

#include <torchdeploy/stage/prune.hpp>

#include "support/models.hpp"

namespace {

using model = decltype(test::load("") | td::prune<td::L1>(0.0));

template <class Criterion, class Artifact>
model pruned(Artifact&& artifact, c10::IValue const& amount, td::prune_options options) {
  if (amount.isDouble()) return std::forward<Artifact>(artifact) | td::prune<Criterion>(amount.toDouble(), options);
  return std::forward<Artifact>(artifact) | td::prune<Criterion>(td::count{amount.toInt()}, options);
}

/// One step of a record of tools/make_prune_references.py.
template <class Artifact>
model step(Artifact&& artifact, c10::IValue const& record) {
  auto const dict = record.toGenericDict();
  auto const criterion = dict.at("criterion").toStringRef();
  td::prune_options options;
  if (!dict.at("dimension").isNone()) options.dimension = dict.at("dimension").toInt();
  options.global = dict.at("global").toBool();
  for (auto const& pattern : dict.at("layers").toListRef()) options.layers.push_back(pattern.toStringRef());
  auto const& amount = dict.at("amount");
  if (criterion == "l1") return pruned<td::L1>(std::forward<Artifact>(artifact), amount, options);
  if (criterion == "l2") return pruned<td::L2>(std::forward<Artifact>(artifact), amount, options);
  REQUIRE(criterion == "random");
  // an integer of Python's beyond 2^63 is not among what pickle_load reads: it comes as text
  options.seed = std::stoull(dict.at("seed").toStringRef());
  return pruned<td::Random>(std::forward<Artifact>(artifact), amount, options);
}

at::Tensor unpacked(at::Tensor const& bytes, std::int64_t count) {
  auto const shifts = at::arange(8, at::kByte);
  return bytes.unsqueeze(1).bitwise_right_shift(shifts).bitwise_and(1).flatten().slice(0, 0, count).to(at::kBool);
}

/// The weights of a model's layers, one after the other.
at::Tensor all_weights(torch::jit::Module const& module) {
  std::vector<at::Tensor> all;
  auto const graph = td::detail::settled_graph(module);
  for (auto const& each : td::detail::chosen_layers(module, *graph, {})) all.push_back(each.weight.detach().flatten());
  return at::cat(all);
}

at::Tensor all_masks(model const& artifact, torch::jit::Module const& module) {
  std::vector<at::Tensor> all;
  auto const graph = td::detail::settled_graph(module);
  for (auto const& each : td::detail::chosen_layers(module, *graph, {}))
    all.push_back(td::detail::masked(each, artifact.record().extras).kept.flatten());
  return at::cat(all);
}

}  // namespace

TEST_CASE("all masks are torch's: elements, slices, global, drawn, composed") {
  auto const records = test::reference("prune_masks").toListRef().vec();
  REQUIRE(records.size() > 180);
  std::string loaded;
  std::optional<decltype(test::load(""))> original;
  for (auto const& record : records) {
    auto const dict = record.toGenericDict();
    auto const name = dict.at("model").toStringRef();
    INFO(name << ": " << dict.at("case").toStringRef());
    if (loaded != name) original.emplace(test::load(loaded = name));
    auto const steps = dict.at("steps").toListRef().vec();
    auto result = step(original->clone(), steps.at(0));
    for (std::size_t i = 1; i < steps.size(); ++i) result = step(std::move(result), steps[i]);
    auto const before = all_weights(original->handle());
    REQUIRE(before.numel() == dict.at("weights").toInt());
    auto const mask = unpacked(dict.at("mask").toTensor(), before.numel());
    CHECK(at::equal(all_masks(result, result.handle()), mask));
    auto const after = all_weights(result.handle());
    CHECK(at::equal(after, before.masked_fill(mask.logical_not(), 0)));
    CHECK_FALSE(after.masked_select(mask.logical_not()).signbit().any().item<bool>());
  }
}
