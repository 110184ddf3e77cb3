# SPDX-License-Identifier: Apache-2.0
"""Known answers as JSON: what every backend must give, bit for bit."""
