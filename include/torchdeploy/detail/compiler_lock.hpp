#pragma once

#include <atomic>
#include <mutex>

namespace torchdeploy::inline v0::detail {

/// LibTorch's compiler is for one thread at a time. Copies of a module share one compilation unit, which `clone`, `freeze`
/// and the passes write to without a lock, and `getFixedQParams` rewrites a static vector: eight threads that quantized
/// modules of their own ended in `free(): invalid pointer` in 6 of 6 runs. So what loads, copies, rewrites or writes a
/// module holds this; calls of a model don't. Of a user's code the constructor of an observer runs under it, and an export's
/// own operators: they may not wait for another thread that loads or copies a model.
class compiler_lock {
  inline static std::recursive_mutex mutex_;  // a stage that lowers may have loaded, and a lowering copies
  std::scoped_lock<std::recursive_mutex> held_{mutex_};
};

/// Did this library run operators in this process? What LibTorch reads once, at the first of them, can't be set after.
inline std::atomic<bool> operators_ran = false;

}  // namespace torchdeploy::inline v0::detail
