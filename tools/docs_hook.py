# SPDX-License-Identifier: Apache-2.0
"""What the site needs done to the pages, which are written for GitHub.

The site's theme is light whatever the reader's system asks for, so of a picture in two versions it
takes the light one; and as a link in Markdown, which MkDocs follows to wherever the page ends up.
"""

from __future__ import annotations

import re
from typing import Any

_PICTURE = re.compile(
    r'<picture>.*?<img alt="(?P<text>[^"]*)" src="(?P<file>[^"]*)">\s*</picture>', re.DOTALL
)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """A page's text with the light version of each picture; MkDocs calls this for every page."""
    return _PICTURE.sub(r"![\g<text>](\g<file>)", markdown)
