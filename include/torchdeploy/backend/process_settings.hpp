#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/compiler_lock.hpp>
#include <torchdeploy/detail/libtorch/failure.hpp>
#include <torchdeploy/detail/libtorch/parallel.hpp>

namespace torchdeploy::inline v0 {

/// How many threads LibTorch uses. What is not named stays as it is.
struct thread_counts {
  std::optional<int> intra{};  ///< inside one operator; LibTorch's default: one for each core
  std::optional<int> inter{};  ///< for the branches of `torch.jit.fork`; LibTorch's default: one for each core
};

/// What LibTorch has once for the whole process. `deploy<LibTorch>` takes the same, for whoever has one session.
struct process_settings {
  thread_counts threads{};
  /// How many compiled primitives oneDNN keeps (its own default: 1024); 0 keeps none. A model needs one for each of its
  /// layers and each shape of input.
  std::optional<int> primitive_cache_capacity{};
};

namespace detail {

/// What was asked for so far, by anyone in this process.
struct settled_settings {
  std::mutex mutex;
  process_settings values;
};
inline settled_settings settled;

inline constexpr auto onednn_capacity = "ONEDNN_PRIMITIVE_CACHE_CAPACITY";

inline void demand_thread_count(std::optional<int> count, std::string const& which,
                                std::string const& whose = "LibTorch") {
  // where hardware has so many
  auto const most = std::max(1024, static_cast<int>(std::thread::hardware_concurrency()));
  if (count && (*count < 1 || *count > most))
    throw backend_error(
        errc::setting_out_of_range,
        "expected 1 to " + std::to_string(most) + " " + which + " threads, got " + std::to_string(*count),
        "leave it out for " + whose + "'s default");
}

[[noreturn]] inline void refuse_other(std::string const& what, int asked, std::string const& is) {
  throw backend_error(errc::settings_fixed,
                      "expected " + what + " " + is + ", which this process has, got " + std::to_string(asked),
                      "it is one for the whole process: ask for the same everywhere");
}

inline void demand_the_same(std::optional<int> asked, std::optional<int> is, std::string const& what) {
  if (asked && is && *asked != *is) refuse_other(what, *asked, std::to_string(*is));
}

/// oneDNN reads this variable at its first primitive, and LibTorch exports no function of it that sets it later.
inline void demand_capacity_in_time(int capacity) {
  auto const wanted = std::to_string(capacity);
  auto const* const value = std::getenv(onednn_capacity);
  if (value && value != wanted) refuse_other(onednn_capacity, capacity, value);
  if (!value && operators_ran)
    throw backend_error(
        errc::settings_fixed,
        "expected a primitive cache capacity before the first model is run, quantized or deployed, got " + wanted +
            " after it",
        "call configure({...}) at the start of the program");
}

inline void set_interop_threads(int count) {
  try {
    at::set_num_interop_threads(count);
  } catch (std::exception const& thrown) {  // set before, or the pool runs already
    if (auto const is = at::get_num_interop_threads(); is != static_cast<std::size_t>(count)) try {
        refuse_other("inter-op threads", count, std::to_string(is));
      } catch (backend_error const& refusal) {
        std::throw_with_nested(refusal);
      }
  }
}

}  // namespace detail

/// Set what LibTorch has once for the whole process: now, before the first model runs.
///
/// Whoever asks first decides; asking for the same again is fine, and asking for something else is refused, with nothing
/// changed. A thread that ran operators before keeps its own number of intra-op threads: OpenMP has one for each thread.
/// oneDNN's environment variable, where it is set already, counts as asked for.
///
/// @throws backend_error 607 (a number out of range), 605 (it is set otherwise, or it is too late)
///
/// @par Example
///     td::configure({.threads = {.intra = 2, .inter = 1}, .primitive_cache_capacity = 64});
inline void configure(process_settings const& wanted) {
  detail::demand_thread_count(wanted.threads.intra, "intra-op");
  detail::demand_thread_count(wanted.threads.inter, "inter-op");
  if (wanted.primitive_cache_capacity && *wanted.primitive_cache_capacity < 0)
    throw backend_error(errc::setting_out_of_range, "expected a primitive cache capacity of at least 0, got " +
                                                        std::to_string(*wanted.primitive_cache_capacity));

  std::scoped_lock const one_at_a_time(detail::settled.mutex);
  auto& is = detail::settled.values;
  detail::demand_the_same(wanted.threads.intra, is.threads.intra, "intra-op threads");
  detail::demand_the_same(wanted.threads.inter, is.threads.inter, "inter-op threads");
  detail::demand_the_same(wanted.primitive_cache_capacity, is.primitive_cache_capacity, "primitive cache capacity");

  bool const new_capacity = wanted.primitive_cache_capacity && !is.primitive_cache_capacity;
  if (new_capacity) detail::demand_capacity_in_time(*wanted.primitive_cache_capacity);
  if (wanted.threads.inter && !is.threads.inter)
    detail::set_interop_threads(*wanted.threads.inter);  // may refuse: first
  if (wanted.threads.intra && (!is.threads.intra || at::get_num_threads() != *wanted.threads.intra))
    at::set_num_threads(*wanted.threads.intra);
  if (new_capacity) ::setenv(detail::onednn_capacity, std::to_string(*wanted.primitive_cache_capacity).c_str(), 0);

  if (wanted.threads.intra) is.threads.intra = wanted.threads.intra;
  if (wanted.threads.inter) is.threads.inter = wanted.threads.inter;
  if (new_capacity) is.primitive_cache_capacity = wanted.primitive_cache_capacity;
}

}  // namespace torchdeploy::inline v0
