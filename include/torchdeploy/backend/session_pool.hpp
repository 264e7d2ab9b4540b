#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

namespace torchdeploy::inline v0 {

/// Sessions that are lent out one at a time, each with a state of its own: what `session.pool(n)` gives. Moving it keeps
/// leases valid; it must outlive them.
///
/// @par Example
///     auto streams = session.pool(4);
///     auto const stream = streams.acquire();  // waits until one is idle; given back at the end of its scope
///     at::Tensor const probability = (*stream)(chunk);
template <class Session>
class session_pool {
  struct shared_state {
    std::mutex mutex;
    std::condition_variable given_back;
    std::vector<Session> sessions;
    std::vector<Session*> idle;
  };

 public:
  /// One session, for as long as this lives.
  class lease {
   public:
    lease(lease&& other) noexcept : of_(other.of_), session_(std::exchange(other.session_, nullptr)) {}
    lease& operator=(lease&&) = delete;
    ~lease() {
      if (!session_) return;
      {
        std::scoped_lock const alone(of_->mutex);
        of_->idle.push_back(session_);
      }
      of_->given_back.notify_one();
    }

    [[nodiscard]] Session const& operator*() const { return *session_; }
    [[nodiscard]] Session const* operator->() const { return session_; }

   private:
    friend session_pool;
    lease(shared_state& of, Session* session) : of_(&of), session_(session) {}

    shared_state* of_;
    Session* session_;
  };

  explicit session_pool(std::vector<Session> sessions) : state_(std::make_unique<shared_state>()) {
    state_->sessions = std::move(sessions);
    for (auto& each : state_->sessions) state_->idle.push_back(&each);
  }

  [[nodiscard]] std::size_t size() const { return state_->sessions.size(); }

  /// Waits until a session is idle. The one given back last comes first: its caches are warm.
  [[nodiscard]] lease acquire() const& {
    std::unique_lock lock(state_->mutex);
    state_->given_back.wait(lock, [&] { return !state_->idle.empty(); });
    auto* const session = state_->idle.back();
    state_->idle.pop_back();
    return {*state_, session};
  }
  lease acquire() const&& = delete;  // a lease of a pool that is gone by the end of the line

  /// One call, by whichever session is idle.
  template <class... Args>
    requires std::is_invocable_v<Session const&, Args...>
  auto operator()(Args&&... args) const {
    return (*acquire())(std::forward<Args>(args)...);
  }

 private:
  std::unique_ptr<shared_state> state_;
};

}  // namespace torchdeploy::inline v0
