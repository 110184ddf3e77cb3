# SPDX-License-Identifier: Apache-2.0
"""`python -m reprorng`, see `cli`."""

import io
import sys

from reprorng.cli import main

if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be any bytes
    raise SystemExit(main())
