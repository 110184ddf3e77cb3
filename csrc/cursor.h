// SPDX-License-Identifier: Apache-2.0
// Where the next draw of a generator begins, moved on by one step that threads cannot come between.
#pragma once

#include <cstdint>
#include <mutex>

#include "reprorng/base.h"

namespace reprorng {

struct Place {
  Stream stream;
  std::uint64_t position;  // in words, if the stream has not ended
  bool ended;              // all 2^64 words are used, and `position` is 0

  bool operator==(const Place& other) const {
    return stream.seed == other.stream.seed && stream.stream == other.stream.stream &&
           position == other.position && ended == other.ended;
  }
};

class Cursor {
 public:
  explicit Cursor(const Place& place) : place_(place) {}

  Place now() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return place_;
  }
  // Goes to `after` if it still is at `before`. Whether it was.
  bool move(const Place& before, const Place& after) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!(place_ == before)) return false;
    place_ = after;
    return true;
  }
  // Sets `count` words aside, which start at `taken`. Whether there are as many.
  bool take(std::uint64_t count, Place& taken) {
    const std::lock_guard<std::mutex> lock(mutex_);
    taken = place_;
    if (count == 0) return true;
    const std::uint64_t left = 0 - place_.position;  // where the position is 0 it stands for 2^64
    if (place_.ended || (place_.position != 0 && count > left)) return false;
    place_.position += count;
    place_.ended = place_.position == 0;
    return true;
  }

 private:
  mutable std::mutex mutex_;
  Place place_;
};

}  // namespace reprorng
