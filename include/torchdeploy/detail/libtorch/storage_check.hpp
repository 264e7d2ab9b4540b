#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/module.hpp>
#include <torchdeploy/detail/libtorch/pickle.hpp>

/// LibTorch takes a weight's size from the pickle and its bytes from a record, and compares them nowhere: it reads beyond
/// the end of a record that is too short, when the weight is packed or used. So they are compared before.
namespace torchdeploy::inline v0::detail {

/// What a pickle says of the data of a tensor: ('storage', type, key, device, count of elements).
struct declared_storage {
  std::string_view key{};
  std::string_view device{};
  std::int64_t type{};  ///< c10::ScalarType, or any number that a damaged file has in its place
  std::int64_t count{};
};

/// Finds the storages that a pickle declares, by the instructions that LibTorch's Unpickler knows (protocol 2), with the
/// same effects; of values only those are kept that a storage is made of. It ends without an error at the first
/// instruction that LibTorch would refuse: what is wrong then LibTorch says better.
class storage_scan {
 public:
  explicit storage_scan(std::string_view pickle) : rest_(pickle), most_memos_(pickle.size()) {}

  /// The next storage; none at the end.
  std::optional<declared_storage> next() {
    std::optional<declared_storage> found;
    while (!found && step(found)) {
    }
    return found;
  }

  /// Whether the whole pickle was understood.
  bool complete() const { return complete_; }
  /// Whether it ends inside an instruction, or before its last one.
  bool cut_short() const { return cut_short_; }

 private:
  enum class kind { other, number, text, storage };
  struct value {
    kind is{};
    std::int64_t number{};
    std::string_view text{};
    declared_storage storage{};
  };

  std::nullopt_t ends_here() {
    cut_short_ = true;
    return std::nullopt;
  }

  std::optional<std::uint64_t> number(std::size_t bytes) {
    if (rest_.size() < bytes) return ends_here();
    std::uint64_t result = 0;
    std::memcpy(&result, rest_.data(), bytes);
    rest_.remove_prefix(bytes);
    return result;
  }

  std::optional<std::string_view> text(std::optional<std::uint64_t> size) {
    if (!size) return std::nullopt;
    if (rest_.size() < *size) return ends_here();
    auto const result = rest_.substr(0, *size);
    rest_.remove_prefix(*size);
    return result;
  }

  std::optional<std::string_view> line() {
    auto const end = rest_.find('\n');
    if (end == rest_.npos) return ends_here();
    auto const result = text(end);
    rest_.remove_prefix(1);
    return result;
  }

  bool push(value const& made) {
    stack_.push_back(made);
    return true;
  }
  bool push_other() { return push({}); }
  bool push_number(std::optional<std::uint64_t> given) {
    return given && push({.is = kind::number, .number = static_cast<std::int64_t>(*given)});
  }
  bool push_text(std::optional<std::string_view> given) { return given && push({.is = kind::text, .text = *given}); }

  bool drop(std::size_t count) {
    if (stack_.size() < count) return false;
    stack_.resize(stack_.size() - count);
    return true;
  }
  /// This many values become one that does not matter.
  bool replace(std::size_t count) { return drop(count) && push_other(); }

  std::optional<std::size_t> mark() {
    if (marks_.empty()) return std::nullopt;
    auto const result = marks_.back();
    marks_.pop_back();
    return result <= stack_.size() ? std::optional(result) : std::nullopt;
  }
  bool drop_to_mark() {
    auto const start = mark();
    if (start) stack_.resize(*start);
    return start.has_value();
  }

  bool tuple() {
    auto const start = mark();
    if (!start) return false;
    value made;
    if (stack_.size() - *start >= 5) {
      auto const& type = stack_[*start + 1];
      auto const& key = stack_[*start + 2];
      auto const& device = stack_[*start + 3];
      auto const& count = stack_[*start + 4];
      if (type.is == kind::number && key.is == kind::text && device.is == kind::text && count.is == kind::number)
        made = {.is = kind::storage, .storage = {key.text, device.text, type.number, count.number}};
    }
    stack_.resize(*start);
    return push(made);
  }

  bool put(std::optional<std::uint64_t> id) {
    if (!id || *id >= most_memos_ || stack_.empty()) return false;  // ids are counted: each takes a byte at least
    if (*id >= memo_.size()) memo_.resize(*id + 1);
    memo_[*id] = stack_.back();
    return true;
  }
  bool get(std::optional<std::uint64_t> id) {
    if (!id || *id >= memo_.size()) return false;
    stack_.push_back(memo_[*id]);
    return true;
  }

  bool global() {
    auto const module = line();
    auto const name = line();
    if (!name) return false;
    constexpr std::string_view suffix = "Storage";
    if (*module == "torch" && name->ends_with(suffix))
      for (std::int64_t type = 0; type < c10::NumScalarTypes; ++type)
        if (name->substr(0, name->size() - suffix.size()) == c10::toString(static_cast<c10::ScalarType>(type)))
          return push({.is = kind::number, .number = type});
    return push_other();
  }

  /// One instruction; false at the end.
  bool step(std::optional<declared_storage>& found) {
    using enum torch::jit::PickleOpCode;
    auto const code = number(1);
    if (!code) return false;
    switch (static_cast<torch::jit::PickleOpCode>(*code)) {
      case PROTO:
        return number(1) == 2U;
      case NONE:
      case NEWTRUE:
      case NEWFALSE:
      case EMPTY_LIST:
      case EMPTY_DICT:
      case EMPTY_TUPLE:
        return push_other();
      case BINFLOAT:
        return number(8) && push_other();
      case BININT1:
        return push_number(number(1));
      case BININT2:
        return push_number(number(2));
      case BININT: {
        auto const bits = number(4);  // signed, of 32
        return bits && push({.is = kind::number, .number = static_cast<std::int32_t>(*bits)});
      }
      case LONG1:
        return number(1) == 8U && push_number(number(8));
      case BINUNICODE:
        return push_text(text(number(4)));
      case GLOBAL:
        return global();
      case MARK:
        marks_.push_back(stack_.size());
        return true;
      case TUPLE:
        return tuple();
      case TUPLE1:
        return replace(1);
      case TUPLE2:
        return replace(2);
      case TUPLE3:
        return replace(3);
      case LIST:
      case DICT:
        return drop_to_mark() && push_other();
      case APPENDS:
      case SETITEMS:
        return drop_to_mark();
      case APPEND:
      case NEWOBJ:  // its class stays
        return drop(1);
      case SETITEM:
        return drop(2);
      case BUILD:
      case REDUCE:
        return replace(2);
      case BINPUT:
        return put(number(1));
      case LONG_BINPUT:
        return put(number(4));
      case BINGET:
        return get(number(1));
      case LONG_BINGET:
        return get(number(4));
      case BINPERSID: {
        if (stack_.empty() || stack_.back().is != kind::storage) return false;
        found = stack_.back().storage;
        return replace(1);
      }
      case STOP:
        complete_ = true;
        return false;
      default:
        return false;
    }
  }

  std::string_view rest_;
  std::size_t most_memos_;
  std::vector<value> stack_{};
  std::vector<std::size_t> marks_{};
  std::vector<value> memo_{};
  bool complete_ = false;
  bool cut_short_ = false;
};

inline bool is_available(c10::Device const& device) {
  auto const& context = at::globalContext();
  switch (device.type()) {
    case c10::DeviceType::CPU:
    case c10::DeviceType::Meta:
      return true;
    case c10::DeviceType::CUDA:
      return context.hasCUDA();
    case c10::DeviceType::MPS:
      return context.hasMPS();
    case c10::DeviceType::XPU:
      return context.hasXPU();
    default:
      return c10::impl::hasDeviceGuardImpl(device.type());
  }
}

/// Throws where a pickle is cut short (LibTorch may then read on without end, and take all memory), or a record holds fewer
/// bytes than the pickle says, or it was on a device that is not here. `device` is where the weights shall go.
inline void check_storages(caffe2::serialize::PyTorchStreamReader& archive, std::string const& file,
                           std::optional<c10::Device> device) {
  for (std::string const pickle : {"data", "constants", "bytecode"}) {
    if (!archive.hasRecord(pickle + ".pkl")) continue;
    auto const [content, size] = archive.getRecord(pickle + ".pkl");
    storage_scan scan({static_cast<char const*>(content.get()), size});
    while (auto const storage = scan.next()) {
      if (!device && storage->device != "cpu" && !is_available(c10::Device(std::string(storage->device))))
        throw load_error(errc::device_unavailable,
                         "expected weights for a device that is here, got device " + std::string(storage->device) +
                             ", which this LibTorch does not find, in '" + file + "'",
                         "load onto the CPU: {.device = c10::kCPU}");
      if (storage->count == 0 || storage->type < 0 || storage->type >= c10::NumScalarTypes) continue;
      if (storage->device == "meta" && !device) continue;  // has no data
      auto record = pickle + "/" + std::string(storage->key);
      if (pickle == "bytecode" && !archive.hasRecord(record)) record = "constants/" + std::string(storage->key);
      if (!archive.hasRecord(record)) continue;  // LibTorch says so
      auto const type = static_cast<c10::ScalarType>(storage->type);
      auto const each = c10::scalarTypeToTypeMeta(type).itemsize();
      auto const held = archive.getRecordSize(record);
      if (storage->count < 0 || static_cast<std::uint64_t>(storage->count) > held / std::max<std::size_t>(each, 1))
        throw format_error(errc::file_damaged,
                           "expected " + std::to_string(storage->count) + " elements of " + c10::toString(type) +
                               " in record '" + record + "', got " + std::to_string(held) + " bytes in '" + file + "'",
                           "copy it again and compare checksums");
    }
    if (scan.cut_short())
      throw format_error(errc::file_damaged,
                         "expected record '" + pickle + ".pkl' to be whole, but it is cut short in '" + file + "'",
                         "copy it again and compare checksums");
  }
}

}  // namespace torchdeploy::inline v0::detail
