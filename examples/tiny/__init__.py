# SPDX-License-Identifier: Apache-2.0
"""Components of pipelines that are tiny and made on the spot: nothing is downloaded.

The code is the real one, of diffusers and transformers. The weights are random, the same in every
process, and making them leaves every global random state as it was; the tokenizers know a handful
of words and spell all others. A `components()` function returns what its pipeline class is called
with, made anew at each call, so that nobody meets what somebody else has changed.
"""
