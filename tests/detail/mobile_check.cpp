#include <torchdeploy/detail/libtorch/mobile_check.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/detail/libtorch/reader.hpp>
#include <torchdeploy/stage/to_mobile.hpp>

#include "support/models.hpp"

namespace {

using namespace torch::jit;  // NOLINT: the names of the instructions
using step = std::tuple<OpCode, std::int64_t, std::int64_t>;

/// f(self, x): one constant, one type, three registers, the operator relu.
std::unique_ptr<mobile::Function> function_of(std::vector<step> const& steps) {
  auto function = std::make_unique<mobile::Function>(c10::QualifiedName("__torch__.M.forward"));
  for (auto const& [op, x, n] : steps) function->append_instruction(op, x, n);
  function->append_constant(std::int64_t{7});
  function->append_type(c10::ListType::ofInts());
  function->append_operator("aten::relu", "", 1);
  function->set_register_size(3);
  function->setSchema({"forward", "", {c10::Argument("self"), c10::Argument("x")}, {c10::Argument("")}});
  function->initialize_operators(true);
  return function;
}

bool passes(std::vector<step> const& steps) {
  auto const function = function_of(steps);
  try {
    td::detail::code_check(*function, 2)();
    return true;
  } catch (std::runtime_error const&) {
    return false;
  }
}

/// Two values are on the stack: self and x.
std::vector<step> after_entry(std::vector<step> steps) {
  steps.insert(steps.begin(), {STOREN, 1, 2});
  return steps;
}

/// An archive whose bytecode has one method, of these instructions.
std::string archive_of(std::vector<c10::IValue> instructions, std::size_t operators) {
  auto const tuple = [](std::vector<c10::IValue> elements) { return c10::ivalue::Tuple::create(std::move(elements)); };
  std::vector<c10::IValue> const names(operators, tuple({"aten::relu", "", 1}));
  auto const code =
      tuple({tuple({"instructions", tuple(std::move(instructions))}), tuple({"operators", tuple(names)})});
  auto const pickled = pickle(tuple({8, tuple({"__torch__.M.forward", code})}));
  std::string packed;
  caffe2::serialize::PyTorchStreamWriter writer([&](void const* data, std::size_t size) {
    packed.append(static_cast<char const*>(data), size);
    return size;
  });
  writer.writeRecord("bytecode.pkl", pickled.data(), pickled.size());
  writer.writeEndOfFile();
  return packed;
}
std::int64_t check(std::string const& packed) {
  auto const* const begin = reinterpret_cast<std::byte const*>(packed.data());
  caffe2::serialize::PyTorchStreamReader archive(
      td::detail::memory_reader(td::detail::shared_bytes_of(std::vector<std::byte>(begin, begin + packed.size()))));
  return td::detail::check_bytecode(archive);
}
c10::IValue instruction(char const* name, std::int64_t x) { return c10::ivalue::Tuple::create({name, x, 0}); }

}  // namespace

TEST_CASE("code that stays inside its registers, constants and stack passes") {
  CHECK(passes(after_entry({{MOVE, 2, 0}, {OP, 0, 0}, {RET, 0, 0}})));
  CHECK(passes(after_entry({{LOADC, 0, 0}, {LOADC, 0, 0}, {LIST_CONSTRUCT, 0, 2}, {RET, 0, 0}})));
  CHECK(passes(after_entry({{LOAD, 1, 0}, {GET_ATTR, 1, 0}, {RET, 0, 0}})));
  CHECK(passes(after_entry({{LOAD, 1, 0}, {LOAD, 2, 0}, {SET_ATTR, 0, 0}, {LOADC, 0, 0}, {RET, 0, 0}})));
}

TEST_CASE("an index beyond what a function has is refused") {
  for (auto const op : {LOAD, MOVE, STORE, DROPR})
    for (std::int64_t const x : {-1, 0, 4, 1 << 30}) {
      CAPTURE(static_cast<int>(op), x);
      CHECK_FALSE(passes(after_entry({{LOADC, 0, 0}, {op, x, 0}, {LOADC, 0, 0}, {RET, 0, 0}})));
    }
  CHECK_FALSE(passes({{STOREN, 3, 2}, {LOADC, 0, 0}, {RET, 0, 0}}));
  CHECK_FALSE(passes(after_entry({{LOADC, 1, 0}, {RET, 0, 0}})));
  CHECK_FALSE(passes(after_entry({{LOADC, -1, 0}, {RET, 0, 0}})));
  CHECK_FALSE(passes(after_entry({{LOAD, 2, 0}, {OP, 1, 0}, {RET, 0, 0}})));
  CHECK_FALSE(passes(after_entry({{LOADC, 0, 0}, {LIST_CONSTRUCT, 1, 1}, {RET, 0, 0}})));
  CHECK_FALSE(passes(after_entry({{LOAD, 1, 0}, {GET_ATTR, 2, 0}, {RET, 0, 0}})));
  CHECK_FALSE(passes(after_entry({{LOAD, 1, 0}, {CALL, 0, 0}, {RET, 0, 0}})));
  CHECK_FALSE(passes(after_entry({{LOAD, 1, 0}, {INTERFACE_CALL, 0, 1}, {RET, 0, 0}})));  // its name is a number
}

TEST_CASE("a value too few on the stack is refused, of every instruction that takes some") {
  struct taking {
    OpCode op;
    std::int64_t x, n;
    std::size_t takes;
    bool gives = true;
  };
  for (auto const& each : std::vector<taking>{{OP, 0, 0, 1},
                                              {STORE, 1, 0, 1, false},
                                              {STOREN, 1, 3, 3, false},
                                              {DROP, 0, 0, 1, false},
                                              {GET_ATTR, 0, 0, 1},
                                              {SET_ATTR, 0, 0, 2, false},
                                              {LIST_CONSTRUCT, 0, 4, 4},
                                              {TUPLE_CONSTRUCT, 3, 0, 3},
                                              {TUPLE_INDEX, 0, 0, 2},
                                              {TUPLE_SLICE, 0, 1, 1},
                                              {DICT_INDEX, 0, 0, 2},
                                              {LIST_UNPACK, 1, 0, 1},
                                              {FORMAT, 3, 0, 3},
                                              {TO_LIST, 0, 0, 3},
                                              {ISINSTANCE, 0, 1, 1},
                                              {__IS__, 0, 0, 2},
                                              {__ISNOT__, 0, 0, 2},
                                              {__NOT__, 0, 0, 1},
                                              {DIM, 0, 0, 1},
                                              {DTYPE, 0, 0, 1},
                                              {DEVICE, 0, 0, 1},
                                              {IS_CUDA, 0, 0, 1},
                                              {NUM_TO_TENSOR, 0, 0, 1},
                                              {WARN, 0, 0, 2, false},
                                              {RAISE_EXCEPTION, 0, 0, 2}}) {
    CAPTURE(static_cast<int>(each.op));
    auto const with = [&](std::size_t values) {
      std::vector<step> steps(values, {LOADC, 0, 0});
      steps.emplace_back(each.op, each.x, each.n);
      if (!each.gives) steps.emplace_back(LOADC, 0, 0);
      steps.emplace_back(RET, 0, 0);
      return after_entry(std::move(steps));
    };
    CHECK(passes(with(each.takes)));
    CHECK_FALSE(passes(with(each.takes - 1)));
  }
  CHECK_FALSE(passes(after_entry({{RET, 0, 0}})));
}

TEST_CASE("a jump out of the code is refused, and so are paths that meet at different heights") {
  CHECK(passes(after_entry({{LOADC, 0, 0}, {JF, 3, 0}, {LOADC, 0, 0}, {JMP, 2, 0}, {LOADC, 0, 0}, {RET, 0, 0}})));
  CHECK_FALSE(passes(after_entry({{LOADC, 0, 0}, {JF, 2, 0}, {LOADC, 0, 0}, {LOADC, 0, 0}, {RET, 0, 0}})));
  for (std::int64_t const far : {2, 100, -5, 1 << 30}) CHECK_FALSE(passes(after_entry({{LOADC, 0, 0}, {JMP, far, 0}})));
  CHECK_FALSE(passes(after_entry({{LOADC, 0, 0}})));                  // it runs past its end
  CHECK_FALSE(passes({{LOADC, 0, 0}, {JMP, -1, 0}, {RET, 0, 0}}));    // its stack grows at every turn
  std::vector<step> const loop = {{LOADC, 0, 0}, {LOADC, 0, 0}, {LOOP, 4, 2},  {STORE, 3, 0},
                                  {LOADC, 0, 0}, {JMP, -3, 0},  {LOADC, 0, 0}, {RET, 0, 0}};
  CHECK_FALSE(passes(after_entry(loop)));  // trip count, most trips and a condition: one is missing
}

TEST_CASE("what follows an instruction that raises is not reached, other paths are followed") {
  CHECK(passes(after_entry({{LOADC, 0, 0}, {LOADC, 0, 0}, {RAISE_EXCEPTION, 0, 0}, {DROP, 0, 0}, {DROP, 0, 0}})));
  // the branch that raises goes nowhere; the other has nothing to return
  CHECK_FALSE(passes(
      after_entry({{LOADC, 0, 0}, {JF, 4, 0}, {LOADC, 0, 0}, {LOADC, 0, 0}, {RAISE_EXCEPTION, 0, 0}, {RET, 0, 0}})));
}

TEST_CASE("the code of sound models passes, with branches, loops, exceptions and calls") {
  for (std::string const name :
       {"digits_cnn", "control_flow_scripted", "raises", "lstm_scripted", "gru_scripted", "onet", "exported_methods",
        "kwargs_default", "dict_output", "two_outputs", "mha_scripted"}) {
    CAPTURE(name);
    CHECK_NOTHROW(test::load(name) | td::to_mobile());
  }
  for (std::string const name : {"interface", "optionals"})
    CHECK_NOTHROW(td::load<td::TorchScript>(TORCHDEPLOY_MODELS "/mobile/" + name + ".pt") | td::to_mobile());
}

TEST_CASE("bytecode that names an operator beyond its table is refused before LibTorch looks it up") {
  CHECK(check(archive_of({instruction("OP", 0), instruction("RET", 9)}, 1)) == 8);
  for (std::int64_t const beyond : {1, -1, 1 << 20}) {
    CHECK_THROWS_WITH(check(archive_of({instruction("OP", beyond)}, 1)), ContainsSubstring("names operator"));
    CHECK_THROWS_WITH(check(archive_of({instruction("OPN", beyond)}, 1)), ContainsSubstring("of 1"));
  }
  CHECK_THROWS_WITH(check(archive_of({c10::ivalue::Tuple::create({"OP"})}, 1)), ContainsSubstring("cut short"));
}
