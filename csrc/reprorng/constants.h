// SPDX-License-Identifier: Apache-2.0
// Written by tools/make_constants.py from reprorng/spec.py, which says what each constant is.
#pragma once

#include <cstdint>

namespace reprorng {

constexpr int kPhiloxRounds = 10;
constexpr std::uint32_t kPhiloxM0 = 0xd2511f53u;
constexpr std::uint32_t kPhiloxM1 = 0xcd9e8d57u;
constexpr std::uint32_t kPhiloxW0 = 0x9e3779b9u;
constexpr std::uint32_t kPhiloxW1 = 0xbb67ae85u;

template <class Scalar>
struct Constants;

// clang-format off: one coefficient a line, as in the specification.
template <>
struct Constants<float> {
  static constexpr std::uint32_t kOne = 0x3f800000u;
  static constexpr float kScale = 0x1p-31f;
  static constexpr float kHalf = 0x1p-32f;
  static constexpr float kLog4 = 0x1.62e43p-23f;
  static constexpr float kAngle = 0x1.921fb6p-32f;
  static constexpr float kCentre = 0x1.cp-2f;
  static constexpr float kLog[8] = {
      0x1.fffebep-3f,
      0x1.55a3d4p-4f,
      0x1.f30aa6p-6f,
      0x1.0e18ep-6f,
      -0x1.733d4ep-8f,
      0x1.359ecep-6f,
      -0x1.a3f79p-7f,
      0x1.6a3d8p-8f,
  };
  static constexpr float kSin[4] = {
      -0x1.24337ap-4f,
      -0x1.46a1ap-3f,
      0x1.08a3d6p-7f,
      -0x1.986e52p-13f,
  };
  static constexpr float kCos[5] = {
      -0x1.afe72ap-3f,
      -0x1.db799p-2f,
      0x1.46a196p-5f,
      -0x1.60db78p-10f,
      0x1.98d2b6p-16f,
  };
};

template <>
struct Constants<double> {
  static constexpr std::uint64_t kOne = 0x3ff0000000000000u;
  static constexpr double kScale = 0x1p-63;
  static constexpr double kHalf = 0x1p-64;
  static constexpr double kLog4 = 0x1.62e42fefa39efp-52;
  static constexpr double kAngle = 0x1.921fb54442d18p-64;
  static constexpr double kCentre = 0x1.cp-2;
  static constexpr double kLog[20] = {
      0x1.fffffffffff79p-3,
      0x1.5555555560ebep-4,
      0x1.fffffff4cb1edp-6,
      0x1.99999c5d9a212p-7,
      0x1.5554ec32c6eb1p-8,
      0x1.249c996cbea4cp-9,
      0x1.fe94de63c0c6dp-11,
      0x1.d954bbdf1d079p-12,
      0x1.d41a0ce8d6461p-14,
      0x1.a06664e58b1acp-12,
      -0x1.b7ab442935a2ep-11,
      0x1.02b71426d8707p-9,
      -0x1.bbebfa79c097dp-9,
      0x1.2d1dc682a8326p-8,
      -0x1.395b0d595568dp-8,
      0x1.ee62f3272997ap-9,
      -0x1.1d87413082bf8p-9,
      0x1.c9aed67cea2bdp-11,
      -0x1.c815d2dbb0a61p-13,
      0x1.af901ad925c57p-16,
  };
  static constexpr double kSin[7] = {
      -0x1.2433733a7d562p-4,
      -0x1.46a1a6db18a1fp-3,
      0x1.08a2e7ff2fd26p-7,
      -0x1.96168793cc4ccp-13,
      0x1.6a93072b1a055p-19,
      -0x1.a7330f05d888cp-26,
      0x1.5d99009b60d7p-33,
  };
  static constexpr double kCos[8] = {
      -0x1.afe72b9cf439p-3,
      -0x1.db799198b0554p-2,
      0x1.46a1a6db18a4ep-5,
      -0x1.60d935543f8c2p-10,
      0x1.9616879193ac6p-16,
      -0x1.220f39fb2e3f7p-22,
      0x1.1a2316d472c12p-29,
      -0x1.8d3e0bf7601dap-37,
  };
};

}  // namespace reprorng
