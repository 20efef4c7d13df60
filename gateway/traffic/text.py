"""Bytes in text formats: as text where that is the same thing, else as base64. A leaf."""

from __future__ import annotations

import base64
import re
from typing import NamedTuple

# Text that a person, a terminal and a diff can take. The rest is six characters each in JSON.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Texted(NamedTuple):
    """Bytes as text; ``encoded``: the text is base64 (RFC 4648 section 4)."""

    text: str
    encoded: bool

    @classmethod
    def of(cls, data: bytes) -> Texted:
        """The text, if the bytes are UTF-8 without control characters."""
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = None
        if text is None or _UNPRINTABLE.search(text):
            return cls(base64.b64encode(data).decode(), True)
        return cls(text, False)

    def data(self) -> bytes:
        """The bytes again. ``ValueError`` where the text stands for none."""
        # Some writers fold their lines (RFC 2045), which is no reason to refuse them.
        folded = re.sub(r"\s", "", self.text) if self.encoded else self.text
        return base64.b64decode(folded, validate=True) if self.encoded else folded.encode()
