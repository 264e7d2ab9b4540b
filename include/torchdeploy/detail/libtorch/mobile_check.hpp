#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/detail/libtorch/mobile_code.hpp>

/// LibTorch's lite interpreter takes its code on trust: an index out of range, or one value too few on the stack, reads
/// whatever memory is there. So code from a file is checked once, before it may run. Not checked: the kinds of values.
namespace torchdeploy::inline v0::detail {

/// How an instruction changes the height of the stack.
struct stack_effect {
  std::size_t takes{};
  std::size_t gives{};
};

class code_check {
 public:
  code_check(mobile::Function const& function, std::size_t most_slots)
      : function_(function), code_(function.get_code()), most_slots_(most_slots) {}

  void operator()() {
    for (auto const& each : code_.instructions_) check_indices(each);
    heights_.assign(code_.instructions_.size(), unreached);
    reach(0, function_.getSchema().arguments().size());
    while (!waiting_.empty()) {
      auto const at = waiting_.back();
      waiting_.pop_back();
      follow(at);
    }
  }

 private:
  void demand(bool fits) const {
    if (!fits) throw std::runtime_error("the code of method '" + function_.name() + "' is damaged");
  }

  void check_indices(torch::jit::Instruction const& i) const {
    auto const x = static_cast<std::size_t>(i.X);  // negative: larger than any size
    auto const past = i.X < 0 ? x : x + i.N;
    switch (i.op) {
      case torch::jit::OP:
      case torch::jit::OPN:
        return demand(x < code_.operators_.size() && x < code_.operator_input_sizes_.size());
      case torch::jit::LOAD:
      case torch::jit::MOVE:
      case torch::jit::STORE:
      case torch::jit::DROPR:
        return demand(x >= 1 && x <= code_.register_size_);
      case torch::jit::STOREN:
        return demand(x >= 1 && past <= code_.register_size_ + 1);
      case torch::jit::LOADC:
        return demand(x < code_.constants_.size());
      case torch::jit::INTERFACE_CALL:
        return demand(x < code_.constants_.size() && code_.constants_[x].isString());
      case torch::jit::CALL:
        return demand(x < code_.functions_.size());
      case torch::jit::LIST_CONSTRUCT:
      case torch::jit::DICT_CONSTRUCT:
      case torch::jit::NAMED_TUPLE_CONSTRUCT:
      case torch::jit::CREATE_OBJECT:
        return demand(x < code_.types_.size());
      case torch::jit::ISINSTANCE:
        return demand(past <= code_.types_.size());
      case torch::jit::GET_ATTR:
      case torch::jit::SET_ATTR:
        return demand(x < most_slots_);
      default:
        return;
    }
  }

  std::optional<stack_effect> effect_of_operator(torch::jit::Instruction const& i) const {
    auto const index = static_cast<std::size_t>(i.X);
    auto const& name = code_.op_names_.at(index);
    c10::FunctionSchema const* schema = nullptr;
    auto const handle = c10::Dispatcher::singleton().findSchema(name);
    std::shared_ptr<torch::jit::Operator> found;
    if (handle) {
      schema = &handle->schema();
    } else if ((found = torch::jit::findOperatorFor(name))) {
      schema = &found->schema();
    }
    if (!schema || schema->is_varret()) return std::nullopt;
    auto const gives = schema->returns().size();
    if (i.op == torch::jit::OPN) return stack_effect{i.N, gives};
    if (schema->is_vararg()) return std::nullopt;
    auto const told = code_.operator_input_sizes_[index];
    auto const all = schema->arguments().size();
    demand(told <= static_cast<int>(all));
    return stack_effect{told < 0 ? all : static_cast<std::size_t>(told), gives};
  }

  std::optional<stack_effect> effect_of(torch::jit::Instruction const& i) const {
    auto const x = static_cast<std::size_t>(i.X), n = static_cast<std::size_t>(i.N);
    switch (i.op) {
      case torch::jit::OP:
      case torch::jit::OPN:
        return effect_of_operator(i);
      case torch::jit::LOAD:
      case torch::jit::MOVE:
      case torch::jit::LOADC:
      case torch::jit::CREATE_OBJECT:
        return stack_effect{0, 1};
      case torch::jit::STORE:
      case torch::jit::DROP:
      case torch::jit::JF:
        return stack_effect{1, 0};
      case torch::jit::STOREN:
        return stack_effect{n, 0};
      case torch::jit::DROPR:
      case torch::jit::JMP:
        return stack_effect{0, 0};
      case torch::jit::GET_ATTR:
      case torch::jit::ISINSTANCE:
      case torch::jit::TUPLE_SLICE:
        return stack_effect{1, 1};
      case torch::jit::SET_ATTR:
      case torch::jit::WARN:
        return stack_effect{2, 0};
      case torch::jit::UN_INITIALIZED:
        return stack_effect{0, 1};
      case torch::jit::DEVICE:
      case torch::jit::DTYPE:
      case torch::jit::DIM:
      case torch::jit::IS_CUDA:
      case torch::jit::__NOT__:
      case torch::jit::NUM_TO_TENSOR:
        return stack_effect{1, 1};
      case torch::jit::TUPLE_INDEX:
      case torch::jit::DICT_INDEX:
      case torch::jit::__IS__:
      case torch::jit::__ISNOT__:
        return stack_effect{2, 1};
      case torch::jit::TO_LIST:
        return stack_effect{3, 1};
      case torch::jit::FORMAT:
        return stack_effect{x, 1};
      case torch::jit::LIST_UNPACK:
        return stack_effect{1, x};
      case torch::jit::TUPLE_CONSTRUCT:
        return stack_effect{x, 1};
      case torch::jit::LIST_CONSTRUCT:
      case torch::jit::DICT_CONSTRUCT:
      case torch::jit::NAMED_TUPLE_CONSTRUCT:
      case torch::jit::INTERFACE_CALL:
        return stack_effect{n, 1};
      default:
        return std::nullopt;  // CALL; what the interpreter does not know it refuses itself
    }
  }

  void reach(std::size_t at, std::size_t height) {
    demand(at < heights_.size());
    if (heights_[at] != unreached) return demand(heights_[at] == height);
    heights_[at] = height;
    waiting_.push_back(at);
  }

  /// Where the height is not known any more, the rest of the path is taken on trust.
  void follow(std::size_t at) {
    auto const& i = code_.instructions_[at];
    auto const height = heights_[at];
    auto const target = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(at) + i.X);
    if (i.op == torch::jit::RET) return demand(height >= 1);
    if (i.op == torch::jit::RAISE_EXCEPTION) return demand(height >= 2);  // a message and the name of a class
    if (i.op == torch::jit::LOOP) {  // trip count, most trips, condition, and what the loop carries
      demand(i.N >= 2 && height >= i.N + 1U);
      reach(target, height - 3);
      return reach(at + 1, height);
    }
    auto const effect = effect_of(i);
    if (!effect) return;
    demand(height >= effect->takes);
    auto const next = height - effect->takes + effect->gives;
    if (i.op == torch::jit::JF || i.op == torch::jit::JMP) reach(target, next);
    if (i.op != torch::jit::JMP) reach(at + 1, next);
  }

  mobile::Function const& function_;
  mobile::Code const& code_;
  std::size_t most_slots_;
  static constexpr auto unreached = std::numeric_limits<std::size_t>::max();
  std::vector<std::size_t> heights_{};  // before each instruction
  std::vector<std::size_t> waiting_{};
};

/// The bytecode of an archive, to look at: tensors have no data, and objects are empty.
inline c10::IValue outline_of_bytecode(caffe2::serialize::PyTorchStreamReader& archive) {
  auto const [content, size] = archive.getRecord("bytecode.pkl");
  std::size_t at = 0;
  auto const read = [&, data = static_cast<char const*>(content.get()), size = size](char* out, std::size_t count) {
    count = std::min(count, size - at);
    std::copy_n(data + at, count, out);
    at += count;
    return count;
  };
  auto const unit = std::make_shared<torch::jit::CompilationUnit>();
  auto const type_of = [&](c10::QualifiedName const& name) {
    return c10::StrongTypePtr(unit, c10::ClassType::create(name, unit));
  };
  auto const object_of = [](c10::StrongTypePtr const& type, c10::IValue const&) {
    return c10::ivalue::Object::create(type, 0);
  };
  return torch::jit::Unpickler(
             read, type_of, object_of, [](std::string const&) { return at::DataPtr(); }, std::nullopt)
      .parse_ivalue();
}

/// Throws where LibTorch's loader would read beyond a table of operators: it looks operators up before anyone can look
/// at the code. Gives the version.
inline std::int64_t check_bytecode(caffe2::serialize::PyTorchStreamReader& archive) {
  auto const at = [](c10::IValue const& tuple, std::size_t index) -> c10::IValue {
    auto const& elements = tuple.toTupleRef().elements();
    if (index >= elements.size()) throw std::runtime_error("the bytecode is cut short");
    return elements[index];
  };
  auto const bytecode = outline_of_bytecode(archive);
  auto const count = bytecode.toTupleRef().elements().size();
  for (std::size_t method = 1; method < count; ++method) {
    auto const code = at(at(bytecode, method), 1);
    auto const operators = at(at(code, 1), 1).toTupleRef().elements().size();
    auto const instructions = at(at(code, 0), 1);
    for (auto const& each : instructions.toTupleRef().elements()) {
      auto const& name = at(each, 0).toStringRef();
      if ((name == "OP" || name == "OPN") && static_cast<std::uint64_t>(at(each, 1).toInt()) >= operators)
        throw std::runtime_error("the bytecode names operator " + std::to_string(at(each, 1).toInt()) + " of " +
                                 std::to_string(operators));
    }
  }
  return at(bytecode, 0).toInt();
}

/// Throws unless every method's code is such that the interpreter stays inside its memory.
inline void check_code(mobile::Module const& module) {
  std::size_t most_slots = 1;  // of a packed weight
  for_each_object(module._ivalue(),
                  [&](c10::ivalue::Object const& object) { most_slots = std::max(most_slots, object.slots().size()); });
  for (auto const& each : module.compilation_unit().methods()) {
    if (!each->hasSchema()) throw std::runtime_error("the method '" + each->name() + "' has no schema");
    each->initialize_operators(true);
    code_check(*each, most_slots)();
  }
}

}  // namespace torchdeploy::inline v0::detail
