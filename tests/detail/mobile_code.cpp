#include <torchdeploy/detail/libtorch/mobile_code.hpp>

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include <torchdeploy/format/mobile_lite.hpp>
#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/stage/to_mobile.hpp>

#include "support/models.hpp"

namespace {

auto fixture(std::string const& name) {
  auto const path = TORCHDEPLOY_MODELS "/mobile/" + name;
  return td::load<td::TorchScript>(path) | td::to_mobile();
}

}  // namespace

TEST_CASE("methods are those of the module itself, not those that an interface brings in") {
  auto const model = fixture("interface.pt");
  auto const& module = model.handle().module;
  std::size_t forwards = 0;
  for (auto const& each : module.compilation_unit().methods()) forwards += each->name() == "forward";
  REQUIRE(forwards > 1);
  CHECK(td::detail::method_names(module) == std::vector<std::string>{"forward"});
  auto const* const found = td::detail::find_method(module, "forward");
  REQUIRE(found != nullptr);
  CHECK(found->qualname().prefix() == module.name());
  CHECK(td::detail::find_method(module, "backward") == nullptr);

  auto names = td::detail::method_names((test::load("exported_methods") | td::to_mobile()).handle().module);
  std::sort(names.begin(), names.end());
  CHECK(names == std::vector<std::string>{"encode", "forward", "reset_states"});
}

TEST_CASE("operators are named with their overload, each once, of all methods") {
  auto const model = test::load("exported_methods") | td::to_mobile();
  auto const all = td::detail::operators_of(model.handle().module);
  std::set<std::string> by_hand;
  std::size_t rows = 0;
  for (auto const& each : model.handle().module.compilation_unit().methods())
    for (auto const& name : each->get_code().op_names_) {
      by_hand.insert(name.overload_name.empty() ? name.name : name.name + "." + name.overload_name);
      ++rows;
    }
  CHECK(all == std::vector<std::string>(by_hand.begin(), by_hand.end()));
  CHECK(all.size() < rows);  // two methods share one
  CHECK(std::find(all.begin(), all.end(), "aten::linear") != all.end());
  CHECK(td::detail::has_operator(model.handle().module, "aten::linear"));
  CHECK_FALSE(td::detail::has_operator(model.handle().module, "aten::lin"));
  CHECK_FALSE(td::detail::has_operator(model.handle().module, "linear"));
}

TEST_CASE("every object below a module is visited, each submodule once") {
  auto const model = test::load("digits_cnn") | td::to_mobile();
  std::size_t objects = 0, batch_norms = 0;
  td::detail::for_each_object(model.handle().module._ivalue(), [&](c10::ivalue::Object const& object) {
    ++objects;
    batch_norms += object.type()->findAttributeSlot("running_mean").has_value();
  });
  CHECK(objects > 5);
  CHECK(batch_norms == 2);
}

TEST_CASE("evaluation mode reaches every submodule, and says whether one was in train mode") {
  auto module =
      torch::jit::_load_for_mobile(std::string(TORCHDEPLOY_MODELS "/mobile/digits_train.ptl"), c10::Device(c10::kCPU));
  auto const in_train_mode = [&] {
    std::size_t count = 0;
    td::detail::for_each_object(module._ivalue(), [&](c10::ivalue::Object const& object) {
      auto const slot = object.type()->findAttributeSlot("training");
      count += slot && object.getSlot(*slot).toBool();
    });
    return count;
  };
  REQUIRE(in_train_mode() > 1);
  CHECK(td::detail::evaluate(module));
  CHECK(in_train_mode() == 0);
  CHECK_FALSE(td::detail::evaluate(module));
}

TEST_CASE("a schema read from bytecode has defaults only where the method has them") {
  auto const model = fixture("optionals.pt");
  auto const schema = td::detail::schema_of(*td::detail::find_method(model.handle().module, "forward"));
  REQUIRE(schema.arguments().size() == 4);
  auto const argument = [&](std::size_t i) -> c10::Argument const& { return schema.arguments()[i]; };
  CHECK(argument(1).name() == "x");
  CHECK_FALSE(argument(1).default_value().has_value());  // bytecode has None there
  REQUIRE(argument(2).default_value().has_value());
  CHECK(argument(2).default_value()->isNone());
  CHECK(argument(3).default_value()->toDouble() == 2.0);
  CHECK(argument(1).type()->str() == "Tensor");  // not a number
  CHECK(argument(2).type()->kind() == c10::TypeKind::OptionalType);
  CHECK(schema.returns().size() == 1);
}
