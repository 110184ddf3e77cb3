# SPDX-License-Identifier: Apache-2.0
"""The GPU kernels, in Triton: docs/spec.md once more."""
