# SPDX-License-Identifier: Apache-2.0
"""What the site needs done to the pages, which are written for GitHub.

The site's theme is light whatever the reader's system asks for, so of a picture in two versions it
takes the light one; and as a link in Markdown, which MkDocs follows to wherever the page ends up.
The files of the repository are no part of the site, so a link to one leads to the repository.
"""

from __future__ import annotations

import re
from typing import Any

_PICTURE = re.compile(
    r'<picture>.*?<img alt="(?P<text>[^"]*)" src="(?P<file>[^"]*)">\s*</picture>', re.DOTALL
)
_OUTSIDE = re.compile(r'(?<!!)\[(?P<text>[^\[\]]*)\]\(\.\./(?P<file>[^()\s]+)(?:\s+"[^"]*")?\)')


def on_startup(**_: Any) -> None:
    """Have our settable properties documented as properties; MkDocs calls this first."""
    # Here, since what follows is of use without the packages that build the site.
    import griffe

    griffe.stdlib_decorators["reprorng.ops.settable"] = {"property"}


def on_page_markdown(markdown: str, *, config: dict[str, Any], **_: Any) -> str:
    """A page's text as the site shows it; MkDocs calls this for every page.

    Args:
        markdown: The text.
        config: The settings of the site. Without a `repo_url` among them there is nowhere to lead
            to, and a link to the repository becomes its text.

    Returns:
        The text with the light version of each picture, and with no link that the site lacks.
    """
    repository = (config["repo_url"] or "").rstrip("/")
    target = rf"[\g<text>]({repository}/blob/HEAD/\g<file>)" if repository else r"\g<text>"
    return _OUTSIDE.sub(target, _PICTURE.sub(r"![\g<text>](\g<file>)", markdown))
