#pragma once

#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <locale>
#include <map>
#include <memory>
#include <ostream>
#include <span>
#include <sstream>
#include <streambuf>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <openvino/core/model.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/pass/serialize.hpp>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/atomic_file.hpp>
#include <torchdeploy/detail/libtorch/failure.hpp>
#include <torchdeploy/detail/libtorch/reader.hpp>
#include <torchdeploy/openvino/ir_check.hpp>
#include <torchdeploy/openvino/runtime.hpp>

/// The two files of a model of OpenVINO's. Opt-in: needs OpenVINO.
namespace torchdeploy::inline v0::detail {

/// FNV-1a, 64 bits, over words of eight bytes: tells one .bin from another. Not against forgery.
class weights_mark {
 public:
  void add(std::span<char const> bytes) {
    for (char const each : bytes) {
      word_ = (word_ << 8U) | static_cast<unsigned char>(each);
      if (++size_ % 8 == 0) mix();
    }
  }
  /// "25557032-00af63bd4c8601b7": the size and the hash.
  [[nodiscard]] std::string text() const {
    auto whole = *this;
    whole.mix();
    std::ostringstream out;
    out.imbue(std::locale::classic());
    out << size_ << '-' << std::hex << whole.hash_;
    return out.str();
  }

 private:
  void mix() {
    hash_ = (hash_ ^ word_) * 0x100000001b3U;
    hash_ ^= hash_ >> 32U;
    word_ = 0;
  }

  std::uint64_t hash_ = 0xcbf29ce484222325U, word_ = 0, size_ = 0;
};

/// Passes bytes on, marks them, and knows how many there were, which OpenVINO's writer asks for.
class marking_buffer final : public std::streambuf {
 public:
  explicit marking_buffer(std::ostream& to) : to_(&to) {}
  [[nodiscard]] std::string mark() const { return mark_.text(); }

 private:
  std::streamsize xsputn(char const* text, std::streamsize size) override {
    mark_.add({text, static_cast<std::size_t>(size)});
    to_->write(text, size);
    written_ += size;
    return size;
  }
  int_type overflow(int_type c) override {
    auto const one = traits_type::to_char_type(c);
    xsputn(&one, 1);
    return traits_type::not_eof(c);
  }
  pos_type seekoff(off_type offset, std::ios::seekdir from, std::ios::openmode) override {
    return offset == 0 && from == std::ios::cur ? pos_type(written_) : pos_type(off_type(-1));
  }

  std::ostream* to_;
  weights_mark mark_{};
  std::streamoff written_ = 0;
};

/// Bytes of all constants, each once.
inline std::uint64_t weights_bytes(ov::Model const& model) {
  std::map<void const*, std::uint64_t> sizes;
  for (auto const& node : model.get_ops())
    if (auto const constant = ov::as_type_ptr<ov::op::v0::Constant>(node))
      sizes[constant->get_data_ptr()] = constant->get_byte_size();
  std::uint64_t sum = 0;
  for (auto const& [at, size] : sizes) sum += size;
  return sum;
}

/// The .bin, then the .xml, which says which .bin it belongs to: of a save that was interrupted in between the old .xml
/// does not fit the new .bin, and loading says so.
inline void write_ir(ov::Model const& model, std::filesystem::path const& path) {
  auto weights = path;
  weights.replace_extension(".bin");
  if (weights == path)
    throw export_error(errc::place_unwritable, "expected a place for an .xml, got '" + path.string() + "'",
                       "give the path of the .xml; the .bin goes beside it");
  constexpr std::string_view placeholder = "torchdeploy:weights";
  auto const copy = model.clone();
  copy->set_rt_info(std::string(placeholder), "torchdeploy_weights");
  std::stringstream xml;
  std::string mark;
  atomic_write(weights, [&](std::ostream& out) {
    marking_buffer buffer(out);
    std::ostream marking(&buffer);
    translated<export_error>(errc::not_serializable, "OpenVINO can't write this model", {},
                             [&] { return ov::pass::Serialize(xml, marking).run_on_model(copy); });
    mark = buffer.mark();
  });
  auto text = std::move(xml).str();
  auto const at = text.rfind(placeholder);
  if (at != text.npos) text.replace(at, placeholder.size(), mark);
  atomic_write(path, [&](std::ostream& out) { out.write(text.data(), static_cast<std::streamsize>(text.size())); });
}

/// @throws load_error (101, 102, 103, 109), format_error (104, 105)
inline std::shared_ptr<ov::Model> read_ir(std::filesystem::path const& path) {
  auto const name = path.filename().string();
  auto const bytes = all_bytes(*file_reader(path));
  std::string text(reinterpret_cast<char const*>(bytes->data()), bytes->size());
  if (text.empty())
    throw load_error(errc::file_empty, "expected an .xml of OpenVINO's, got 0 bytes in '" + name + "'",
                     "the copy or download was not finished");
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  if (!text.starts_with('<') || text.find('\0') != text.npos)
    throw format_error(errc::wrong_format, "expected an .xml of OpenVINO's, got something else in '" + name + "'",
                       "give the path of the .xml; its .bin is found beside it");

  auto beside = path;
  beside.replace_extension(".bin");
  std::error_code failure;
  auto const size = std::filesystem::is_regular_file(beside, failure) ? std::filesystem::file_size(beside, failure) : 0;
  bool const there = !failure && std::filesystem::is_regular_file(beside, failure);
  ir_summary summary;
  try {
    summary = checked_ir(text, size);
  } catch (std::string_view wrong) {
    bool const foreign = wrong.starts_with("no <net>");
    throw format_error(foreign ? errc::wrong_format : errc::file_damaged,
                       "expected an .xml of OpenVINO's, got " + std::string(wrong) + " in '" + name + "'",
                       foreign ? "give the path of the .xml that OpenVINO wrote" : "copy it again, or save it again");
  }
  auto const refuse = [&](std::string const& got) {
    throw load_error(errc::external_data_refused, "expected the weights of '" + name + "', got " + got,
                     "keep the .xml and the .bin that were written together in one folder");
  };
  if (summary.weights_end > 0 && !there) refuse("no file '" + beside.filename().string() + "'");
  if (summary.weights_end > size)
    refuse("'" + beside.filename().string() + "' of " + std::to_string(size) + " bytes, which is too short");

  ov::Tensor weights(ov::element::u8, ov::Shape{there ? size : 0});
  if (there && size > 0) {
    std::ifstream in(beside, std::ios::binary);
    auto* const to = reinterpret_cast<char*>(weights.data<std::uint8_t>());
    if (!in.read(to, static_cast<std::streamsize>(size)))
      refuse("a '" + beside.filename().string() + "' that can't be read");
    weights_mark mark;
    mark.add({to, size});
    if (summary.weights_mark && mark.text() != *summary.weights_mark)
      refuse("a '" + beside.filename().string() + "' of another model, or damaged");
  }
  return translated<format_error>(errc::file_damaged, "OpenVINO can't read '" + name + "'",
                                  "copy it again, or save it again",
                                  [&] { return openvino_core().read_model(text, weights); });
}

}  // namespace torchdeploy::inline v0::detail
#endif
