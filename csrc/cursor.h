// SPDX-License-Identifier: Apache-2.0
// Where the next draw of a generator begins. Threads cannot come between the parts of a step, since
// whoever takes one holds the lock of the interpreter.
#pragma once

#include <cstdint>

#include "reprorng/base.h"

namespace reprorng {

struct CursorState {
  Stream stream;
  std::uint64_t position;  // in words, if the stream has not ended
  bool ended;              // all 2^64 words are used, and `position` is 0

  bool operator==(const CursorState& other) const {
    return stream.seed == other.stream.seed && stream.stream == other.stream.stream &&
           position == other.position && ended == other.ended;
  }
};

class Cursor {
 public:
  explicit Cursor(const CursorState& state) : state_(state) {}

  CursorState now() const { return state_; }
  // Goes to `after` if it still is at `before`. How often it has moved then; 0 if it was not there.
  std::uint64_t move(const CursorState& before, const CursorState& after) {
    if (!(state_ == before)) return 0;
    state_ = after;
    return ++moves_;
  }
  // Goes back to where it was before its move of that number, unless it has moved again.
  void undo(std::uint64_t moves, const CursorState& before) {
    if (moves_ != moves) return;
    state_ = before;
    ++moves_;
  }
  // Sets `count` words aside, which start at `taken`. Whether there are as many.
  bool take(std::uint64_t count, CursorState& taken) {
    taken = state_;
    if (count == 0) return true;
    const std::uint64_t left = 0 - state_.position;  // where the position is 0 it stands for 2^64
    if (state_.ended || (state_.position != 0 && count > left)) return false;
    state_.position += count;
    state_.ended = state_.position == 0;
    ++moves_;
    return true;
  }

 private:
  CursorState state_;
  std::uint64_t moves_ = 0;
};

}  // namespace reprorng
