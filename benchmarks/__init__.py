# SPDX-License-Identifier: Apache-2.0
"""Speed, and the machine it was measured on: `python -m benchmarks`."""
