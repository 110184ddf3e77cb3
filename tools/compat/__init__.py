# SPDX-License-Identifier: Apache-2.0
"""Which versions of torch and diffusers work: a matrix of environments, and a program run in each.

`matrix` says which, `probe` is what runs in each of them, made of the checks in `checks`, `cells`
makes the environments and `run` is the whole, as `make compat`.
"""
