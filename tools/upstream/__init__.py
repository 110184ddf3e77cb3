# SPDX-License-Identifier: Apache-2.0
"""Diffusers' own tests as the judge of ours: run as they are, and with `torch.Generator` swapped.

Three runs, or *modes*, of the same tests:

- `baseline`: as they are.
- `exact`: torch's own numbers, but asked for through our adapter. Every test must end as before,
  which proves the plumbing.
- `real`: our numbers. Every test that fails now must compare with numbers that torch once gave,
  written down in the test.

Each test that fails in `real` only is run once more, `reseeded`: torch's own numbers from other
seeds. A test that holds on to torch's numbers fails there just the same.
"""
