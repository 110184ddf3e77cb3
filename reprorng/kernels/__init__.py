# SPDX-License-Identifier: Apache-2.0
"""The GPU kernels, in Triton: `philox` and `transform` are docs/spec.md once more, `fill` stores."""
