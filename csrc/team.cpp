// SPDX-License-Identifier: Apache-2.0
#include "team.h"

#include <pthread.h>
#if defined(__linux__)
#include <sched.h>
#endif

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

namespace reprorng {
namespace {

// A thread that has nothing to do stays awake for as long as draws of one loop are apart, and gives
// the processor back before it is missed.
constexpr auto kAwake = std::chrono::microseconds(40);

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Whether `done` came true before the time was over.
template <class Done>
bool await_awake(Done done) {
  const auto end = std::chrono::steady_clock::now() + kAwake;
  do {
    for (int i = 0; i < 16; ++i) {
      if (done()) return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

#if defined(__linux__)
int this_processor() { return sched_getcpu(); }

// Moves the calling thread off a processor, and keeps it off. Whether it may run on another.
bool keep_off(int processor) {
  static const cpu_set_t allowed = [] {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0) CPU_ZERO(&set);
    return set;
  }();
  cpu_set_t others = allowed;
  CPU_CLR(processor, &others);
  return CPU_COUNT(&others) > 0 && sched_setaffinity(0, sizeof(others), &others) == 0;
}
#else
int this_processor() { return -1; }
bool keep_off(int) { return true; }
#endif

struct Call {
  Work work;
  std::uint64_t pieces;
  int processor = this_processor();
  std::atomic<std::uint64_t> next{0};

  void take_part() {
    for (std::uint64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < pieces;) {
      work.run(work.what, i);
    }
  }
};

class Team {
 public:
  // Whether it did: another thread may have called before.
  bool share(Call& call, unsigned threads, bool wake) {
    const std::unique_lock<std::mutex> mine(caller_, std::try_to_lock);
    if (!mine || !open(call, threads, wake)) return false;
    call.take_part();
    close();
    return true;
  }

 private:
  // Lets others join the call. Whether any can.
  bool open(Call& call, unsigned threads, bool wake) {
    unsigned sleepers = 0;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!wake && asleep_ == members_) return false;
      if (wake) grow(threads - 1);
      call_ = &call;
      places_ = threads - 1;
      if (wake && members_ - asleep_ < places_) sleepers = places_ - (members_ - asleep_);
      if (sleepers > asleep_) sleepers = asleep_;
      calls_.fetch_add(1, std::memory_order_release);
    }
    for (; sleepers > 0; --sleepers) wake_.notify_one();
    return true;
  }

  // Lets nobody join any more, and waits for those who did.
  void close() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      call_ = nullptr;
    }
    const auto all_left = [this] { return inside_.load(std::memory_order_acquire) == 0; };
    if (await_awake(all_left)) return;
    std::unique_lock<std::mutex> lock(mutex_);
    left_.wait(lock, all_left);
  }

  void grow(unsigned members) {
    try {
      for (; members_ < members; ++members_) {
        std::thread(&Team::member, this, calls_.load(std::memory_order_relaxed)).detach();
      }
    } catch (const std::system_error&) {  // the machine has no more threads; these will do
    }
  }

  void member(std::uint64_t seen) {
    const auto called = [&] { return calls_.load(std::memory_order_acquire) != seen; };
    for (;;) {
      const bool awake = await_awake(called);
      std::unique_lock<std::mutex> lock(mutex_);
      if (!awake) {
        ++asleep_;
        wake_.wait(lock, called);
        --asleep_;
      }
      seen = calls_.load(std::memory_order_relaxed);
      if (call_ == nullptr || places_ == 0) continue;
      --places_;
      inside_.fetch_add(1, std::memory_order_relaxed);
      Call& call = *call_;
      lock.unlock();
      // Linux may wake a thread where its caller runs, and would leave both there for milliseconds.
      if (this_processor() != call.processor || keep_off(call.processor)) call.take_part();
      lock.lock();
      if (inside_.fetch_sub(1, std::memory_order_release) == 1) left_.notify_one();
    }
  }

  std::mutex caller_;
  std::mutex mutex_;  // guards what follows but for the atomics, which it guards against changes
  std::condition_variable wake_, left_;
  std::atomic<std::uint64_t> calls_{0};
  std::atomic<unsigned> inside_{0};
  Call* call_ = nullptr;
  unsigned places_ = 0, members_ = 0, asleep_ = 0;
};

// Never destroyed: its threads outlive what runs at exit. A forked process inherits no thread but
// the one that forked, and perhaps locked mutexes, so it leaves that team alone and starts another.
std::atomic<Team*> team{nullptr};

Team& the_team() {
  Team* found = team.load(std::memory_order_acquire);
  if (found != nullptr) return *found;
  Team* made = new Team;
  if (team.compare_exchange_strong(found, made, std::memory_order_acq_rel)) return *made;
  delete made;
  return *found;
}

[[maybe_unused]] const int at_fork =
    pthread_atfork(nullptr, nullptr, [] { team.store(nullptr, std::memory_order_release); });

}  // namespace

void share(std::uint64_t pieces, unsigned threads, std::uint64_t worth_waking, Work work) {
  if (threads > pieces) threads = static_cast<unsigned>(pieces);
  Call call{work, pieces};
  if (threads < 2 || !the_team().share(call, threads, pieces >= worth_waking)) call.take_part();
}

}  // namespace reprorng
