"""Gateway mirrors live traffic to a shadow upstream and compares the answers."""

from gateway._version import __version__

__all__ = ["__version__"]
