#pragma once

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <random>
#include <sstream>
#include <streambuf>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include <torchdeploy/core/error.hpp>

namespace torchdeploy::inline v0::detail {

/// A file's buffer that tells of a failure only when asked: on a full disk LibTorch's zip writer, told that a write failed,
/// ends the process, since its destructor throws.
class patient_buffer final : public std::streambuf {
 public:
  explicit patient_buffer(std::streambuf& file) : file_(&file) {}
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  std::streamsize xsputn(char const* text, std::streamsize size) override {
    failed_ = failed_ || file_->sputn(text, size) != size;
    return size;
  }
  int_type overflow(int_type c) override {
    auto const one = traits_type::to_char_type(c);
    xsputn(&one, 1);
    return traits_type::not_eof(c);
  }

  std::streambuf* file_;
  bool failed_ = false;
};

/// An empty file of this process's and this call's own beside `path`: ".model.pt.4711.0.9f3a61c2.tmp". Threads, and
/// processes of machines that share a disk and hence may share a number, get different ones. Empty where none can be made.
inline std::filesystem::path make_temporary_beside(std::filesystem::path const& path) {
  static std::atomic<unsigned> counter = 0;
  for (int attempt = 0; attempt < 16; ++attempt) {
    std::ostringstream name;
    name << '.' << path.filename().string() << '.' << ::getpid() << '.' << counter++ << '.' << std::hex
         << std::random_device{}() << ".tmp";
    auto made = (path.has_parent_path() ? path.parent_path() : std::filesystem::path(".")) / name.str();
    auto const handle = ::open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (handle >= 0) {
      ::close(handle);
      return made;
    }
    if (errno != EEXIST) break;
  }
  return {};
}

/// Write a file whole or not at all: into a temporary file of the same directory, synced, then renamed over the old one.
/// Killed at any moment, the old or the new file is there; of several threads that write to one path, the last one's is.
/// @throws export_error (201 before anything is written, 202 while writing)
template <class Write>
void atomic_write(std::filesystem::path const& wanted, Write&& write) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  auto path = wanted;  // behind all links, also where the last one leads to nothing yet
  for (int links = 0; links < 40 && fs::is_symlink(path, ignored); ++links)
    path = path.parent_path() / fs::read_symlink(path, ignored);
  auto const folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  auto const refuse = [&](std::string const& why) {
    throw export_error(errc::place_unwritable, "expected a place to write to, got '" + wanted.string() + "': " + why,
                       "give the path of a file in a directory that is there and can be written to");
  };
  if (fs::is_symlink(path, ignored)) refuse("a link that leads round to itself");
  if (path.filename().empty()) refuse("no file name");
  if (!fs::is_directory(folder, ignored)) refuse("no such directory");
  auto const old = fs::status(path, ignored);
  if (fs::exists(old) && !fs::is_regular_file(old))
    refuse(fs::is_directory(old) ? "a directory" : "not a regular file");

  struct temporary {
    fs::path path;
    ~temporary() {
      std::error_code failure;
      if (!path.empty()) fs::remove(path, failure);
    }
  } file{make_temporary_beside(path)};
  std::ofstream out(file.path, std::ios::binary | std::ios::trunc);
  if (file.path.empty() || !out) refuse("it can't be written");

  auto const failed = [&](std::string const& why) {
    throw export_error(errc::write_failed, "writing '" + wanted.string() + "' failed: " + why,
                       "the old file is as it was");
  };
  patient_buffer buffer(*out.rdbuf());
  std::ostream patient(&buffer);
  write(patient);
  out.close();
  if (!out || buffer.failed()) failed("is the disk full?");
  if (int const handle = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC); handle >= 0) {
    bool const synced = ::fsync(handle) == 0;
    ::close(handle);
    if (!synced) failed("it can't be synced to the disk");
  }
  if (fs::exists(old)) fs::permissions(file.path, old.permissions(), ignored);
  std::error_code failure;
  fs::rename(file.path, path, failure);
  if (failure) failed(failure.message());
  file.path.clear();
}

}  // namespace torchdeploy::inline v0::detail
