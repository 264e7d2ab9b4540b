#include <torchdeploy/stage/diagnose.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/optimize.hpp>
#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"

namespace {

using ids = std::set<std::string>;

/// Without the one that nearly every model has.
ids ids_of(std::vector<td::finding> const& found) {
  ids all;
  for (auto const& each : found)
    if (each.id != "requires-grad") all.insert(each.id);
  return all;
}

std::vector<td::example> inputs_at(c10::IValue const& list) {
  std::vector<td::example> all;
  for (auto const& each : list.toListRef().vec()) all.push_back({each});
  return all;
}

/// Samples for every fixture model: recorded ones, or noise of its shape.
std::vector<td::example> samples_for(std::string const& name) {
  static auto const zoo = test::reference("zoo").toGenericDict();
  if (zoo.contains(name)) return inputs_at(zoo.at(name).toGenericDict().at("inputs"));
  auto const shape = [&]() -> std::vector<std::int64_t> {
    if (name.starts_with("digits")) return {2, 1, 8, 8};
    if (name.starts_with("onet") || name.starts_with("pnet")) return {2, 3, 48, 48};
    if (name.starts_with("rnet")) return {2, 3, 24, 24};
    return {2, 3, 64, 64};
  }();
  if (name == "silero_vad") return {{test::noise({1, 512}, 1)[0], 16000}};
  return {{test::noise(shape, 1)[0]}};
}

td::finding const& find(std::vector<td::finding> const& all, std::string const& id) {
  auto const at = std::find_if(all.begin(), all.end(), [&](auto const& each) { return each.id == id; });
  REQUIRE(at != all.end());
  return *at;
}

}  // namespace

TEST_CASE("each pitfall is found in the model that has it, nothing else, and nothing in its twin") {
  std::map<std::string, ids> const expected = {
      {"len_wrong", {"baked-batch", "baked-sizes"}},
      {"len_right", {}},
      {"merged_wrong", {"baked-batch"}},
      {"states_wrong", {"baked-batch"}},
      {"states_right", {"baked-device"}},
      {"branch_wrong", {"lost-control-flow"}},
      {"branch_right", {}},
      {"item_wrong", {"lost-control-flow"}},
      {"item_right", {}},
      {"loop_wrong", {"lost-control-flow", "input-ignored"}},
      {"loop_right", {}},
      {"rows_wrong", {"rows-mix"}},
      {"rows_right", {}},
      {"train_wrong", {"train-mode-flag", "train-mode-trace", "not-deterministic", "mutable-state"}},
      {"train_right", {}},
      {"instance_wrong", {"train-mode-flag", "train-mode-trace"}},
      {"instance_right", {}},
      {"lstm_wrong", {"train-mode-flag", "train-mode-trace", "not-deterministic", "baked-device"}},
      {"lstm_right", {"baked-device"}},
      {"dropout_wrong", {"always-training", "not-deterministic"}},
      {"dropout_right", {}},
      {"statistics_wrong", {"batch-statistics", "rows-mix", "baked-batch"}},
      {"statistics_right", {}},
      {"gradients_wrong", {"gradients-inside"}},
      {"gradients_right", {}},
      {"device_wrong", {"baked-device", "sample-raises", "check-skipped"}},
      {"device_right", {}},
      {"double_wrong", {"float64-leftover"}},
      {"double_right", {}},
      {"output_wrong", {"float64-leftover"}},
      {"weights_wrong", {"duplicated-weights"}},
      {"weights_right", {}},
      {"unused_wrong", {"unused-weights"}},
      {"unused_right", {}},
      {"state_wrong", {"mutable-state"}},
      {"state_right", {}},
      {"random_wrong", {"random-operator", "not-deterministic"}},
      {"random_right", {}},
      {"written_wrong", {"input-written"}},
      {"written_right", {}},
      {"nan_wrong", {"output-not-finite"}},
      {"nan_right", {}},
      {"prepared_wrong", {"preprocessing-inside"}},
      {"prepared_right", {}},
      {"size_wrong", {"fixed-size"}},
      {"size_right", {}},
      {"requires_wrong", {}},
      {"requires_right", {}},
  };
  auto const inputs = test::reference("pitfalls").toGenericDict();
  CHECK(inputs.size() == expected.size());
  for (auto const& [name, wanted] : expected) {
    INFO(name);
    auto const model = td::load<td::TorchScript>(TORCHDEPLOY_MODELS "/pitfalls/" + name + ".pt");
    auto const found = td::diagnose(model, {.samples = inputs_at(inputs.at(name))});
    INFO(td::to_text(found));
    CHECK(ids_of(found) == wanted);
    // load has said what it could
    for (auto const& each : model.report().findings()) {
      CHECK(each.level != td::severity::note);
      CHECK(wanted.contains(each.id));
    }
  }
}

TEST_CASE("gradients that parameters still require are a note") {
  auto const found = [](std::string const& name) {
    return td::diagnose(td::load<td::TorchScript>(TORCHDEPLOY_MODELS "/pitfalls/" + name + ".pt"));
  };
  auto const all = found("requires_wrong");
  CHECK(find(all, "requires-grad").level == td::severity::note);
  for (auto const& each : found("requires_right")) CHECK(each.id != "requires-grad");
}

TEST_CASE("what is found in every model that we have, in each of its forms") {
  std::map<std::string, ids> const expected = {
      {"conv1d_bn", {"fixed-size"}},
      {"conv3d", {"fixed-size"}},
      {"relu6_cnn", {"fixed-size"}},
      {"onet", {"fixed-size"}},
      {"onet_traced", {"fixed-size"}},
      {"rnet", {"fixed-size"}},
      {"encoder_traced", {"duplicated-weights"}},
      {"exported_methods", {"mutable-state"}},
      {"silero_vad", {"mutable-state"}},
      {"digits_cnn", {"fixed-size"}},
      {"digits_cnn_traced", {"fixed-size"}},
      {"digits_cnn_scripted_train", {"train-mode-flag", "fixed-size"}},
      {"digits_cnn_traced_train",
       {"train-mode-flag", "train-mode-trace", "not-deterministic", "mutable-state", "fixed-size"}},
  };
  std::vector<std::filesystem::path> files;
  for (auto const* folder : {TORCHDEPLOY_MODELS, TORCHDEPLOY_TEST_DATA})
    for (auto const& each : std::filesystem::directory_iterator(folder))
      if (auto const kind = each.path().extension(); kind == ".pt" || kind == ".jit") files.push_back(each.path());
  CHECK(files.size() > expected.size());
  for (auto const& path : files) {
    auto const name = path.stem().string();
    INFO(name);
    auto const samples = samples_for(name);
    auto const model = td::load<td::TorchScript>(path);
    auto const found = td::diagnose(model, {.samples = samples});
    INFO(td::to_text(found));
    auto const known = expected.find(name);
    CHECK(ids_of(found) == (known == expected.end() ? ids{} : known->second));

    auto const frozen = td::diagnose(model.clone() | td::freeze(), {.samples = samples});
    INFO(td::to_text(frozen));
    auto all = ids_of(found);
    for (auto const& id : ids_of(frozen)) CHECK(all.contains(id));
  }
}

TEST_CASE("a quantized artifact is diagnosed as it will run, and so is a file with int8 layers") {
  auto const images = test::calibration_digits();
  auto const check = [&](auto const& model) {
    auto const found = td::diagnose(model, {.samples = std::vector{test::digits(4)}});
    INFO(td::to_text(found));
    CHECK(ids_of(found) == ids{"fixed-size"});
  };
  check(test::load("digits_cnn") | td::quantize<td::Int8>(images));
  check(test::load("digits_cnn") | td::quantize<td::Int8>());
  check(test::load("digits_cnn") | td::quantize<td::Int8>(images) | td::freeze());
  check(test::load("digits_cnn") | td::freeze() | td::optimize());
  for (auto const* name : {"digits_cnn", "onet", "resnet18", "mobilenet_v2", "mlp_scripted", "conv1d_bn"}) {
    INFO(name);
    auto const path = std::string(TORCHDEPLOY_MODELS "/reference/static_minmax_") + name + "_int8.pt";
    auto const model = td::load<td::TorchScript>(path);
    CHECK(model.report().findings().empty());
    for (auto const& each : td::diagnose(model, {.samples = samples_for(name)}))
      CHECK(each.level == td::severity::note);
  }
}

TEST_CASE("without samples what can be read is read, and what was not tried is said") {
  auto const model = test::load("digits_cnn_traced_train");
  auto const found = td::diagnose(model);
  CHECK(find(found, "check-skipped").level == td::severity::note);
  CHECK_THAT(find(found, "check-skipped").text, ContainsSubstring("no samples"));
  CHECK(find(found, "train-mode-trace").level == td::severity::fault);
}

TEST_CASE("examples stand in for samples") {
  auto const model =
      td::load<td::TorchScript>(test::model_path("digits_cnn"), {.examples = std::vector{test::digits(2)}});
  CHECK(ids_of(td::diagnose(model)) == ids{"fixed-size"});
}

TEST_CASE("a name that callers expect and that is not there is found, with the nearest") {
  auto const model = test::load("exported_methods");
  auto const found = td::diagnose(model, {.expects = {"reset_states", "state", "reset_state", "forward"}});
  auto const& missing = find(found, "missing-name");
  CHECK(missing.level == td::severity::fault);
  CHECK(missing.place == "reset_state");
  CHECK_THAT(missing.hint, ContainsSubstring("'reset_states'"));
  CHECK(std::count_if(found.begin(), found.end(), [](auto const& each) { return each.id == "missing-name"; }) == 1);
}

TEST_CASE("names below the top are known too") {
  auto const model = test::load("mlp_scripted");
  std::vector<std::string> below;
  for (auto const& each : model.handle().named_parameters())
    if (each.name.find('.') != each.name.npos) below.push_back(each.name);
  REQUIRE(!below.empty());
  auto const place = below[0].substr(0, below[0].rfind('.'));
  for (auto const& each : td::diagnose(model, {.expects = {below[0], place, place + ".forward"}}))
    CHECK(each.id != "missing-name");
  CHECK(find(td::diagnose(model, {.expects = {place + ".wieght"}}), "missing-name").place == place + ".wieght");
}

TEST_CASE("samples that don't fit are a finding, whatever they are") {
  auto const model = test::load("digits_cnn");
  std::vector<td::example> const misfits = {{at::ones({2, 3})},    td::example(),
                                            {c10::IValue("text")}, {at::ones({1}), at::ones({1})},
                                            {at::Tensor()},        {at::ones({2, 1, 8, 8}, at::kLong)}};
  for (auto const& each : misfits) {
    INFO("misfit " << &each - misfits.data());
    std::vector<td::example> const samples(1, each);
    auto const found = td::diagnose(model, {.samples = samples});
    CHECK(find(found, "sample-raises").level == td::severity::fault);
    CHECK(found.front().id == "sample-raises");
  }
  auto const some = td::diagnose(model, {.samples = std::vector{at::ones({2, 3}), test::digits(2)}});
  CHECK_THAT(find(some, "sample-raises").text, ContainsSubstring("1 of 2"));
  CHECK(ids_of(some) == ids{"sample-raises", "fixed-size"});
  CHECK(ids_of(td::diagnose(test::load("raises"), {.samples = std::vector{at::full({2, 16}, -1.0)}}))
            .contains("sample-raises"));
}

TEST_CASE("empty batches, numbers and models without tensors are no trouble") {
  CHECK_NOTHROW(td::diagnose(test::load("digits_cnn"), {.samples = std::vector{at::ones({0, 1, 8, 8})}}));
  CHECK_NOTHROW(td::diagnose(test::load("one_op"), {.samples = std::vector{at::ones({})}}));
  CHECK_NOTHROW(td::diagnose(test::load("one_op"), {.samples = std::vector{at::ones({2, 2}, at::kBool)}}));
  auto const counter = td::evaluate(test::scripted("def forward(self, n: int):\n    return n + 1"));
  CHECK(ids_of(td::diagnose(counter, {.samples = std::vector<td::example>{{1}}})) == ids{"check-skipped"});
  auto const nothing = td::evaluate(test::scripted("def forward(self):\n    return 1"));
  CHECK(ids_of(td::diagnose(nothing, {.samples = std::vector<td::example>{{}}})) == ids{"check-skipped"});
  auto const lists = td::evaluate(test::scripted("def forward(self, x: List[Tensor]):\n    return x[0] + 1"));
  c10::List<at::Tensor> const list({at::ones({2})});
  CHECK(ids_of(td::diagnose(lists, {.samples = std::vector<td::example>{{list}}})) == ids{"check-skipped"});
}

TEST_CASE("diagnose changes nothing: neither the model nor its state nor the samples") {
  auto const model = test::load("exported_methods");
  auto const x = test::noise({1, 16})[0];
  auto const kept = x.clone();
  auto const found = td::diagnose(model, {.samples = std::vector{x}});
  CHECK(at::equal(x, kept));
  CHECK(test::same_bits(test::forward(model.clone().handle(), {x}),
                        test::forward(test::load("exported_methods").handle(), {x})));
  CHECK(model.report().stages().size() == 1);
}

TEST_CASE("findings come worst first, once, and as text") {
  auto const found = td::diagnose(test::load("digits_cnn_traced_train"), {.samples = std::vector{test::digits(4)}});
  CHECK(std::is_sorted(found.begin(), found.end(), [](auto const& a, auto const& b) { return a.level > b.level; }));
  auto const text = td::to_text(found);
  CHECK_THAT(text, StartsWith("fault [train-mode-trace] features.1.batch_norm: "));
  CHECK_THAT(text, ContainsSubstring("\n    trace it again after eval()\nwarning ["));
  CHECK(td::to_text(std::vector<td::finding>{}) == "no findings\n");
}

TEST_CASE("every finding has a section in docs/pitfalls.md") {
  std::ifstream page(TORCHDEPLOY_DOCS "/pitfalls.md");
  std::string const text{std::istreambuf_iterator<char>(page), {}};
  std::size_t count = 0;
  for (auto const& each : std::filesystem::recursive_directory_iterator(TORCHDEPLOY_INCLUDE "/torchdeploy")) {
    if (each.path().extension() != ".hpp") continue;
    auto const chars = test::bytes_of(each.path());
    std::string const code(chars.begin(), chars.end());
    // a finding begins with its id and a severity: {"rows-mix", severity::warning
    for (auto at = code.find("severity::"); at != code.npos; at = code.find("severity::", at + 1)) {
      auto const quote = code.rfind('"', at), open = code.rfind("{\"", at);
      if (open == code.npos || quote < open + 2 || code.find_first_of(",;", open) < quote) continue;
      auto const id = code.substr(open + 2, quote - open - 2);
      if (id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != id.npos || id.empty()) continue;
      INFO(id);
      CHECK(text.find("\n## " + id + "\n") != text.npos);
      ++count;
    }
  }
  CHECK(count > 20);
}
