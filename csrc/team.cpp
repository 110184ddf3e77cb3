// SPDX-License-Identifier: Apache-2.0
#include "team.h"

#include <pthread.h>
#include <signal.h>
#if defined(__linux__)
#include <sched.h>
#endif

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "floats.h"

namespace reprorng {
namespace {

// A thread that has nothing to do stays awake for longer than draws of one loop are apart, and
// gives the processor back before it is missed. They are a few microseconds apart, but tens after a
// draw of many pieces, which leaves nothing of the interpreter in the caches.
constexpr auto kAwake = std::chrono::microseconds(40);
constexpr auto kAwakeAfterMany = std::chrono::microseconds(100);
constexpr std::uint64_t kMany = 64;
constexpr int kLooksAtATime = 16;  // between two looks at the clock, which takes longer

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Whether `done` came true before the time was over.
template <class Done>
bool await_awake(Done done, std::chrono::microseconds time = kAwake) {
  const auto end = std::chrono::steady_clock::now() + time;
  do {
    for (int i = 0; i < kLooksAtATime; ++i) {
      if (done()) return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

#if defined(__linux__)
int this_processor() { return sched_getcpu(); }

// Where a thread of the team may run.
class Affinity {
 public:
  // Until it comes back it runs on no processor that it may not, nor on this one. Linux would start
  // it or wake it up where its caller runs, and leave it there for milliseconds.
  void keep_off(pthread_t thread, int processor) {
    thread_ = thread;
    if (pthread_getaffinity_np(thread_, sizeof(given_), &given_) != 0) return;
    others_ = given_;
    CPU_CLR(processor, &others_);
    away_ =
        CPU_COUNT(&others_) > 0 && pthread_setaffinity_np(thread_, sizeof(others_), &others_) == 0;
  }
  void come_back() {
    cpu_set_t now;
    // If it is not where it was sent, somebody else has sent it elsewhere.
    if (away_ && pthread_getaffinity_np(thread_, sizeof(now), &now) == 0 &&
        CPU_EQUAL(&now, &others_)) {
      pthread_setaffinity_np(thread_, sizeof(given_), &given_);
    }
    away_ = false;
  }

 private:
  pthread_t thread_;
  cpu_set_t given_, others_;
  bool away_ = false;
};
#else
int this_processor() { return -1; }

class Affinity {
 public:
  void keep_off(pthread_t, int) {}
  void come_back() {}
};
#endif

struct Member {
  const unsigned part;
  pthread_t thread;
  Affinity affinity;
  bool asleep = false;
  std::condition_variable wake;

  explicit Member(unsigned p) : part(p) {}
};

// While it lives, threads are born with signals blocked: those are for the program's own threads.
// What tells of a fault in the thread itself is not: blocked, it would end the process whatever
// handler the program has, for example one that brings memory in when it is first touched.
class NoSignals {
 public:
  NoSignals() {
    sigset_t most;
    sigfillset(&most);
    for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) sigdelset(&most, fault);
    pthread_sigmask(SIG_SETMASK, &most, &before_);
  }
  ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

// Each thread begins with a part of its own, which a call like the last one finds in its cache.
class Call {
 public:
  const int processor = this_processor();
  const std::chrono::microseconds awake_after;

  Call(std::uint64_t pieces, unsigned threads, Work work)
      : awake_after(pieces < kMany ? kAwake : kAwakeAfterMany),
        work_(work),
        pieces_(pieces),
        parts_(std::clamp(threads, 1u, kParts)) {
    for (unsigned part = 0; part < parts_; ++part) next_[part].store(begin(part), kRelaxed);
  }

  void take_part(unsigned index) {
    for (unsigned i = 0; i < parts_; ++i) {
      const unsigned part = (index + i) % parts_;
      const std::uint64_t end = begin(part + 1);
      for (std::uint64_t piece; (piece = next_[part].fetch_add(1, kRelaxed)) < end;) {
        work_.run(work_.what, piece);
      }
    }
  }

 private:
  static constexpr unsigned kParts = 64;
  static constexpr auto kRelaxed = std::memory_order_relaxed;

  std::uint64_t begin(unsigned part) const {
    return pieces_ / parts_ * part + std::min<std::uint64_t>(part, pieces_ % parts_);
  }

  const Work work_;
  const std::uint64_t pieces_;
  const unsigned parts_;
  std::atomic<std::uint64_t> next_[kParts];
};

class Team {
 public:
  // Whether it did: another thread may have called before.
  bool share(Call& call, unsigned threads, bool wake) {
    const std::unique_lock<std::mutex> mine(caller_, std::try_to_lock);
    if (!mine || !open(call, threads, wake)) return false;
    call.take_part(0);
    close();
    return true;
  }

 private:
  // Lets others join the call. Whether any can.
  bool open(Call& call, unsigned threads, bool wake) {
    unsigned missing = 0;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!wake && asleep_ == members_.size()) return false;
      if (wake) grow(threads - 1, call.processor);
      call_ = &call;
      awake_ = call.awake_after;
      places_ = threads - 1;
      const auto awake = static_cast<unsigned>(members_.size()) - asleep_;
      if (wake && awake < places_) missing = places_ - awake;
      calls_.fetch_add(1, std::memory_order_release);
    }
    rouse(missing, call.processor);
    return true;
  }

  // Wakes `count` of those that sleep, or all. Only a caller makes members, so the list stays.
  void rouse(unsigned count, int processor) {
    for (std::size_t i = 0; count > 0 && i < members_.size(); ++i) {
      Member& member = *members_[i];
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!member.asleep) continue;
        member.affinity.keep_off(member.thread, processor);
        member.asleep = false;
        --asleep_;
      }
      member.wake.notify_one();
      --count;
    }
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

  void grow(unsigned members, int processor) {
    if (members_.size() >= members) return;
    const NoSignals blocked;
    try {
      members_.reserve(members);
      while (members_.size() < members) {
        auto next = std::make_unique<Member>(static_cast<unsigned>(members_.size()) + 1);
        std::thread born(&Team::member, this, std::ref(*next),
                         calls_.load(std::memory_order_relaxed));
        next->thread = born.native_handle();
        next->affinity.keep_off(next->thread, processor);
        members_.push_back(std::move(next));
        born.detach();
      }
    } catch (...) {  // out of threads or of memory; these will do
    }
  }

  void member(Member& self, std::uint64_t seen) {
    const DefaultFloats floats;  // a thread is born with the modes of whoever started it
    const auto called = [&] { return calls_.load(std::memory_order_acquire) != seen; };
    auto awake_for = kAwake;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      self.affinity.come_back();
    }
    for (;;) {
      await_awake(called, awake_for);
      std::unique_lock<std::mutex> lock(mutex_);
      if (!called()) {
        self.asleep = true;
        ++asleep_;
        self.wake.wait(lock, [&] { return !self.asleep; });
        self.affinity.come_back();
      }
      seen = calls_.load(std::memory_order_relaxed);
      awake_for = awake_;
      if (call_ == nullptr || places_ == 0) continue;
      --places_;
      inside_.fetch_add(1, std::memory_order_relaxed);
      Call& call = *call_;
      lock.unlock();
      // On the caller's processor it would only be in the way.
      if (call.processor < 0 || call.processor != this_processor()) {
        call.take_part(self.part);
      }
      lock.lock();
      if (inside_.fetch_sub(1, std::memory_order_release) == 1) left_.notify_one();
    }
  }

  std::mutex caller_;
  std::mutex mutex_;  // guards what follows but for the atomics, which it guards against changes
  std::condition_variable left_;
  std::atomic<std::uint64_t> calls_{0};
  std::atomic<unsigned> inside_{0};
  Call* call_ = nullptr;
  std::chrono::microseconds awake_{kAwake};
  std::vector<std::unique_ptr<Member>> members_;
  unsigned places_ = 0, asleep_ = 0;
};

// Never destroyed: its threads outlive what runs at exit. A forked process inherits no thread but
// the one that forked, and perhaps locked mutexes, so it leaves that team alone and starts another.
std::atomic<Team*> team{nullptr};

// Null if there is no memory for one.
Team* the_team() {
  Team* found = team.load(std::memory_order_acquire);
  if (found != nullptr) return found;
  Team* made = new (std::nothrow) Team;
  if (made == nullptr || team.compare_exchange_strong(found, made)) return made;
  delete made;
  return found;
}

[[maybe_unused]] const int at_fork =
    pthread_atfork(nullptr, nullptr, [] { team.store(nullptr, std::memory_order_release); });

}  // namespace

void share(std::uint64_t pieces, unsigned threads, std::uint64_t worth_waking, Work work) noexcept {
  if (threads > pieces) threads = static_cast<unsigned>(pieces);
  Call call(pieces, threads, work);
  Team* const helpers = threads < 2 ? nullptr : the_team();
  if (helpers == nullptr || !helpers->share(call, threads, pieces >= worth_waking)) {
    call.take_part(0);
  }
}

}  // namespace reprorng
