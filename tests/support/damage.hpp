// What can befall a model's file: in its bytes, as disks and networks do it, and inside the records of its archive, whose
// checksums are then right again, as a faulty or hostile program does it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/detail/libtorch/reader.hpp>

namespace test {

using file_bytes = std::vector<char>;
using dice = std::mt19937_64;

struct damage {
  char const* name;
  void (*apply)(file_bytes&, dice&);
  bool aimed = false;  ///< inside a record, with a right checksum
};

inline std::size_t somewhere(file_bytes const& all, dice& random) { return random() % all.size(); }

/// The records of an archive, with the one at random changed, packed again.
inline void repack(file_bytes& all, dice& random, bool (*wanted)(std::string const&),
                   void (*change)(file_bytes&, dice&)) {
  auto const* const begin = reinterpret_cast<std::byte const*>(all.data());
  caffe2::serialize::PyTorchStreamReader archive(torchdeploy::detail::memory_reader(
      torchdeploy::detail::shared_bytes_of(std::vector<std::byte>(begin, begin + all.size()))));
  std::vector<std::pair<std::string, file_bytes>> records;
  std::vector<std::size_t> candidates;
  for (auto const& name : archive.getAllRecords()) {
    // the writer adds these by itself
    if (name == "version" || name == "byteorder" || name.starts_with(".")) continue;
    auto const [data, size] = archive.getRecord(name);
    auto const* const text = static_cast<char const*>(data.get());
    if (wanted(name) && size > 0) candidates.push_back(records.size());
    records.emplace_back(name, file_bytes(text, text + size));
  }
  if (candidates.empty()) return;
  change(records[candidates[random() % candidates.size()]].second, random);
  file_bytes packed;
  {
    caffe2::serialize::PyTorchStreamWriter writer([&](void const* data, std::size_t size) {
      auto const* const text = static_cast<char const*>(data);
      packed.insert(packed.end(), text, text + size);
      return size;
    });
    for (auto const& [name, content] : records) writer.writeRecord(name, content.data(), content.size());
    writer.writeEndOfFile();
  }
  all = std::move(packed);
}

inline void change_byte(file_bytes& all, dice& random) { all[somewhere(all, random)] = static_cast<char>(random()); }
inline void cut(file_bytes& all, dice& random) { all.resize(somewhere(all, random)); }
inline void remove_some(file_bytes& all, dice& random) {
  auto const at = static_cast<std::ptrdiff_t>(somewhere(all, random));
  auto const count = std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(random() % 40),
                                              static_cast<std::ptrdiff_t>(all.size()) - at);
  all.erase(all.begin() + at, all.begin() + at + count);
}
inline void write_number(file_bytes& all, dice& random) {
  static constexpr std::array<std::int64_t, 6> numbers = {-1, 0, 1LL << 31, 1LL << 40, 0x7FFFFFFFFFFFFFFF, 255};
  auto const number = numbers[random() % numbers.size()];
  auto const size = std::min<std::size_t>(all.size(), std::size_t{1} << (random() % 4));
  std::memcpy(all.data() + random() % (all.size() - size + 1), &number, size);
}
inline void repeat_some(file_bytes& all, dice& random) {
  auto const at = somewhere(all, random);
  auto const count = std::min<std::size_t>(all.size() - at, random() % 40);
  file_bytes const part(all.begin() + static_cast<std::ptrdiff_t>(at),
                        all.begin() + static_cast<std::ptrdiff_t>(at + count));
  all.insert(all.begin() + static_cast<std::ptrdiff_t>(somewhere(all, random)), part.begin(), part.end());
}

inline void exchange_blocks(file_bytes& all, dice& random) {
  auto const size = 1 + random() % std::min<std::size_t>(512, std::max<std::size_t>(all.size() / 4, 1));
  if (all.size() < 2 * size) return;
  auto const first = random() % (all.size() - 2 * size + 1);
  auto const second = first + size + random() % (all.size() - first - 2 * size + 1);
  auto const from = all.begin() + static_cast<std::ptrdiff_t>(first);
  std::swap_ranges(from, from + static_cast<std::ptrdiff_t>(size), all.begin() + static_cast<std::ptrdiff_t>(second));
}

inline bool is_pickle(std::string const& name) { return name.ends_with(".pkl"); }
inline bool is_code(std::string const& name) { return name.ends_with(".py"); }
inline bool is_debug(std::string const& name) { return name.ends_with(".debug_pkl"); }
inline bool is_weight(std::string const& name) { return name.find('.') == name.npos; }

inline constexpr damage damages[] = {
    // in the bytes
    {"bit flipped", [](file_bytes& all, dice& r) { all[somewhere(all, r)] ^= static_cast<char>(1 << (r() % 8)); }},
    {"byte changed", change_byte},
    {"cut short", cut},
    {"hole of zeros",
     [](file_bytes& all, dice& r) {
       auto const at = somewhere(all, r);
       std::fill_n(all.begin() + static_cast<std::ptrdiff_t>(at), std::min<std::size_t>(all.size() - at, r() % 512),
                   '\0');
     }},
    {"block repeated", repeat_some},
    // the end of a zip archive is its directory, the beginning of each entry its header: aim there
    {"directory damaged",
     [](file_bytes& all, dice& r) {
       all[all.size() - 1 - r() % std::min<std::size_t>(all.size(), 4096)] = static_cast<char>(r());
     }},
    // most of a file is weights, and every change of them is another model: aim at what describes it, the pickles
    {"near a pickle",
     [](file_bytes& all, dice& r) {
       std::string_view const text(all.data(), all.size());
       std::vector<std::size_t> places;
       for (auto at = text.find(".pkl"); at != text.npos; at = text.find(".pkl", at + 1)) places.push_back(at);
       if (places.empty()) return;
       auto const at = places[r() % places.size()] + r() % 3072;
       all[std::min(at, all.size() - 1)] = static_cast<char>(r());
     }},
    // in a record
    {"pickle: byte changed", [](file_bytes& all, dice& r) { repack(all, r, is_pickle, change_byte); }, true},
    {"pickle: cut", [](file_bytes& all, dice& r) { repack(all, r, is_pickle, cut); }, true},
    {"pickle: some removed", [](file_bytes& all, dice& r) { repack(all, r, is_pickle, remove_some); }, true},
    {"pickle: number written", [](file_bytes& all, dice& r) { repack(all, r, is_pickle, write_number); }, true},
    {"pickle: some repeated", [](file_bytes& all, dice& r) { repack(all, r, is_pickle, repeat_some); }, true},
    {"code: byte changed", [](file_bytes& all, dice& r) { repack(all, r, is_code, change_byte); }, true},
    {"code: some removed", [](file_bytes& all, dice& r) { repack(all, r, is_code, remove_some); }, true},
    {"code: some repeated", [](file_bytes& all, dice& r) { repack(all, r, is_code, repeat_some); }, true},
    {"debug record: byte changed", [](file_bytes& all, dice& r) { repack(all, r, is_debug, change_byte); }, true},
    {"weight: cut", [](file_bytes& all, dice& r) { repack(all, r, is_weight, cut); }},
};

}  // namespace test
