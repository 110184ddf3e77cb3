# SPDX-License-Identifier: Apache-2.0
"""What compilers make of the CPU kernels, counted and weighed."""
