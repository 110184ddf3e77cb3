# SPDX-License-Identifier: Apache-2.0
"""What diffusers needs beside a generator: seams in the few modules that one does not reach.

Diffusers itself is not imported here: whoever imports it gets the seams with it.
"""

from reprorng.diffusers.seams import install as install
