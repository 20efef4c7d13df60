"""The files that pages load: read once, served from memory, kept by browsers for good.

Their URLs have a digest of their content in them, so that a new version is another URL.
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

_FOLDER = Path(__file__).parent / "static"
_TYPES = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
        ".txt": "text/plain; charset=utf-8",
    }
)


class _File(NamedTuple):
    data: bytes
    content_type: str
    digest: str


class Statics:
    """The files of one folder, and of no other. Immutable."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        self._files = {
            path.name: _File(data, _TYPES[path.suffix], blake2b(data, digest_size=6).hexdigest())
            for path in sorted(folder.iterdir())
            if path.suffix in _TYPES
            for data in [path.read_bytes()]
        }

    def url(self, name: str) -> str:
        """Where a page finds a file."""
        return f"/static/{name}?v={self._files[name].digest}"

    def answer(self, name: str) -> Response:
        """The file. Raises ``NotFound``."""
        file = self._files.get(name)
        if file is None:
            raise NotFound
        response = Response(file.data, content_type=file.content_type)
        response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        return response

    def __repr__(self) -> str:
        return f"<Statics {', '.join(self._files)}>"
