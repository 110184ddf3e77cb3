# SPDX-License-Identifier: Apache-2.0
"""What the GPU kernels compile to, read and executed without a GPU."""
