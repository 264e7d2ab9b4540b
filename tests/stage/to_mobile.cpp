#include <torchdeploy/stage/to_mobile.hpp>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <torch/csrc/jit/runtime/graph_executor.h>

#include <torchdeploy/backend/mobile_runtime.hpp>
#include <torchdeploy/detail/libtorch/tensor_ops.hpp>
#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/prune.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/save.hpp>
#include <torchdeploy/stage/verify.hpp>

#include "support/models.hpp"

namespace {

using test::failure_of;

auto load_mobile_fixture(std::string const& name) {
  return td::load<td::TorchScript>(TORCHDEPLOY_MODELS "/mobile/" + name + ".pt");
}

}  // namespace

TEST_CASE("every model gives in the mobile runtime the bits that LibTorch gives") {
  td::example const image{at::rand({1, 3, 224, 224})};
  auto const inputs_of = [&](std::string const& name) -> std::vector<td::example> {
    auto const zoo = test::reference("zoo").toGenericDict();
    std::vector<td::example> all;
    if (zoo.contains(name))
      for (auto const& each : test::list_at(zoo.at(name), "inputs")) all.push_back({each});
    else if (name.find("digits_cnn") != name.npos)
      all.push_back({test::digits(8)});
    else if (name.find("onet") != name.npos)
      all.push_back({at::rand({2, 3, 48, 48})});
    else if (name == "rnet")
      all.push_back({at::rand({2, 3, 24, 24})});
    else if (name == "pnet")
      all.push_back({at::rand({1, 3, 40, 60})});
    else if (name == "silero_vad")
      all.push_back({at::rand({1, 512}), 16000});
    else if (name.find("resnet18") != name.npos || name.find("mobilenet") != name.npos)
      all.push_back(image);
    else if (name.starts_with("static_minmax_"))
      for (auto const& each : test::list_at(test::reference(name.substr(0, name.rfind("_int8"))), "inputs"))
        all.push_back({each});
    return all;
  };
  std::vector<std::filesystem::path> files;
  for (auto const* folder : {TORCHDEPLOY_MODELS, TORCHDEPLOY_MODELS "/reference", TORCHDEPLOY_TEST_DATA})
    for (auto const& each : std::filesystem::directory_iterator(folder)) {
      auto const name = each.path().stem().string();
      bool const is_reference = std::string_view(folder).ends_with("reference");
      bool const is_model = each.path().extension() == ".pt" || each.path().extension() == ".jit";
      if (is_model && (!is_reference || name.ends_with("_int8"))) files.push_back(each.path());
    }
  REQUIRE(files.size() > 40);
  for (auto const& file : files) {
    auto const name = file.stem().string();
    INFO(name);
    auto const inputs = inputs_of(name);
    REQUIRE_FALSE(inputs.empty());
    auto const model = td::load<td::TorchScript>(file, {.examples = inputs});
    auto const session = model.clone() | td::to_mobile() | td::deploy<td::MobileRuntime>();
    auto const by_hand = model.handle().deepcopy();
    bool const random = name.ends_with("_traced_train");  // its dropout is on, for good
    for (auto const& each : inputs) {
      auto const got = session.run(each);
      torch::jit::GraphOptimizerEnabledGuard const as_written(false);  // optimized, addmm becomes mm and add
      CHECK((random || test::same_bits(got, test::forward(by_hand, each))));
    }
  }
}

TEST_CASE("a stream through silero-vad is Python's in the mobile runtime too") {
  auto const record = test::reference("silero_vad_stream");
  auto const chunks = test::tensors_at(record, "chunks"), wanted = test::tensors_at(record, "outputs");
  auto const session = test::load("silero_vad") | td::to_mobile() | td::deploy<td::MobileRuntime>();
  for (int stream = 0; stream < 2; ++stream) {
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      INFO("stream " << stream << " chunk " << i);
      CHECK(test::same_bits(session(chunks[i], 16000), wanted[i]));
    }
    session.method("reset_states").run({});
  }
}

TEST_CASE("freeze, to_mobile, verify, save and load: equal all the way") {
  test::temporary_folder const folder;
  auto const images = test::digits(32);
  auto const reference = test::load("digits_cnn");
  auto model = td::load<td::TorchScript>(test::model_path("digits_cnn"), {.examples = images.split(8)}) | td::freeze() |
               td::to_mobile() | td::verify(reference) | td::save(folder / "m.ptl");
  static_assert(td::same_facts<decltype(model)::known, td::facts<td::evaluating, td::frozen, td::verified>>);
  CHECK(model.examples().size() == 4);
  auto const here = std::move(model) | td::deploy<td::MobileRuntime>();
  auto const there = td::load<td::MobileLite>(folder / "m.ptl") | td::deploy<td::MobileRuntime>();
  auto const frozen = test::load("digits_cnn") | td::freeze() | td::deploy<td::LibTorch>();
  CHECK(test::same_bits(here(images), frozen(images)));
  CHECK(test::same_bits(there(images), frozen(images)));
  CHECK(there.report().stages().size() == 2);
  CHECK(here.report().find("to_mobile") != nullptr);
}

TEST_CASE("the report of to_mobile has the bytecode version, the operators and the sizes") {
  auto const model = test::load("digits_cnn") | td::freeze() | td::to_mobile();
  auto const& entry = *model.report().find("to_mobile");
  CHECK(entry.detail("bytecode version") == "8");
  CHECK(entry.detail("operators") == "5");
  CHECK_THAT(std::string(entry.detail("operator list")),
             ContainsSubstring("aten::conv2d") && ContainsSubstring("aten::linear"));
  CHECK(entry.bytes_before == td::TorchScript::bytes((test::load("digits_cnn") | td::freeze()).handle()));
  CHECK(entry.bytes_after == td::MobileLite::bytes(model.handle()));
}

TEST_CASE("a quantized artifact is lowered for mobile, and equals LibTorch's") {
  auto const quantized = test::load("digits_cnn") | td::quantize<td::Int8>(test::calibration_digits());
  auto const images = test::digits(16);
  auto const wanted = (quantized.clone() | td::deploy<td::LibTorch>())(images);
  auto const mobile = quantized.clone() | td::prune<td::L1>(0.0) | td::to_mobile();
  CHECK_THAT(std::string(mobile.report().find("to_mobile")->detail("operator list")),
             ContainsSubstring("quantized::conv2d"));
  CHECK(mobile.record().extras.files.at("torchdeploy.engine") == at::toString(td::X86::id));
  CHECK(test::same_bits((mobile.clone() | td::deploy<td::MobileRuntime>())(images), wanted));
  CHECK(td::compare(mobile, quantized, {.samples = images.split(4)}).passed);
}

TEST_CASE("every exported method goes along to mobile, unless others are asked for") {
  auto const session = test::load("exported_methods") | td::to_mobile() | td::deploy<td::MobileRuntime>();
  auto const x = test::noise({1, 16})[0];
  CHECK(test::same_bits(session.method("encode")(x),
                        (test::load("exported_methods") | td::deploy<td::LibTorch>({.method = "encode"}))(x)));
  CHECK_NOTHROW(session.method("reset_states"));

  auto const one = test::load("exported_methods") | td::to_mobile({.preserve = {"encode"}});
  CHECK(td::detail::method_names(one.handle().module).size() == 2);
  CHECK(one.report().find("to_mobile")->detail("preserved") == "encode");
  auto const none = test::load("exported_methods") | td::to_mobile({.preserve = {"forward"}});
  CHECK(td::detail::method_names(none.handle().module) == std::vector<std::string>{"forward"});
}

TEST_CASE("a method to preserve that the model has not is refused by to_mobile, with the nearest") {
  auto const failure =
      failure_of<td::format_error>([] { test::load("exported_methods") | td::to_mobile({.preserve = {"encod"}}); });
  CHECK(failure.code == td::errc::preserve_unknown);
  CHECK_THAT(failure.text, ContainsSubstring("did you mean 'encode'?"));
}

TEST_CASE("an attribute is no method to preserve: with it alone all methods would go") {
  auto const failure =
      failure_of<td::format_error>([] { test::load("exported_methods") | td::to_mobile({.preserve = {"state"}}); });
  CHECK(failure.code == td::errc::preserve_unknown);
  CHECK_THAT(failure.text, ContainsSubstring("got the attribute 'state'"));
}

TEST_CASE("what the mobile runtime can't run is refused by its name") {
  for (auto const& [name, what] : {std::pair{"forks", "prim::fork"}, std::pair{"awaits", "prim::awaitable"},
                                   std::pair{"own_class", "Box"}, std::pair{"enumerates", "enum"}}) {
    INFO(name);
    auto const failure =
        failure_of<td::format_error>([&, name_ = name] { load_mobile_fixture(name_) | td::to_mobile(); });
    CHECK(failure.code == td::errc::not_for_mobile);
    CHECK_THAT(failure.text, ContainsSubstring(what));
  }
}

TEST_CASE("torch.no_grad is left out for mobile, since sessions run without gradients") {
  auto const x = at::zeros({2});
  auto const session = load_mobile_fixture("without_gradient") | td::to_mobile() | td::deploy<td::MobileRuntime>();
  CHECK(session(x).sum().item<double>() == 2);
}

TEST_CASE("a module that was optimized for this machine by hand is refused for mobile, and no stack overflows") {
  auto module = torch::jit::freeze(torch::jit::load(test::model_path("onet").string()));
  auto const failure = failure_of([&] { td::evaluate(torch::jit::optimize_for_inference(module)) | td::to_mobile(); });
  CHECK(failure.code == td::errc::not_for_mobile);
  CHECK_THAT(failure.text, ContainsSubstring("mkldnn") || ContainsSubstring("oneDNN"));
}

TEST_CASE("an example that raises in both interpreters is no fault of mobile") {
  auto const bad = td::load<td::TorchScript>(test::model_path("raises"), {.examples = std::vector{-at::ones({2, 16})}});
  CHECK_NOTHROW(bad.clone() | td::to_mobile());
}

TEST_CASE("to_mobile leaves the module as it was") {
  auto const model = test::load("exported_methods");
  auto const before = model.handle().get_methods().size();
  auto const module = model.handle();
  td::evaluate(module) | td::to_mobile({.preserve = {"forward"}});
  CHECK(module.get_methods().size() == before);
}

TEST_CASE("extra files of a TorchScript file go along to mobile") {
  test::temporary_folder const folder;
  torch::jit::load(test::model_path("one_op").string()).save((folder / "m.pt").string(), {{"labels.txt", "a b c"}});
  td::load<td::TorchScript>(folder / "m.pt") | td::to_mobile() | td::save(folder / "m.ptl");
  CHECK(td::load<td::MobileLite>(folder / "m.ptl").record().extras.files.at("labels.txt") == "a b c");
}

TEST_CASE("a recipe ends in a mobile file") {
  test::temporary_folder const folder;
  auto const recipe = td::load<td::TorchScript>() | td::freeze() | td::to_mobile() | td::save(folder / "m.ptl");
  recipe(test::model_path("mlp_scripted"));
  auto const x = test::noise({2, 16})[0];
  auto const session = td::load<td::MobileLite>(folder / "m.ptl") | td::deploy<td::MobileRuntime>();
  CHECK(test::same_bits(session(x), test::forward(test::load("mlp_scripted").handle(), {x})));
}
