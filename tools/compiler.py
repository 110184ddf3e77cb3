# SPDX-License-Identifier: Apache-2.0
"""The C compiler of this machine, for tools that compile what they run."""

from __future__ import annotations

import os
import shutil


def c_compiler() -> list[str] | None:
    """The words of CC, such as `ccache gcc`, or else this machine's C compiler; None if none is."""
    named = os.environ.get("CC", "").split()
    candidates = [named] if named else [["cc"], ["gcc"], ["clang"]]
    return next((words for words in candidates if shutil.which(words[0])), None)
