"""What a route asks of its clients, made once from the settings."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.auth.challenges import Challenges
from gateway.auth.proof import NotProven, Proof, Reason, Scheme


class Demand:
    """The schemes a route takes and the scopes it wants; no schemes: it asks for nothing."""

    __slots__ = ("challenges", "schemes", "scopes")

    def __init__(
        self,
        schemes: Iterable[str] = (),
        scopes: Iterable[str] = (),
        *,
        realm: str = "gateway",
        key_field: str = "X-Api-Key",
    ) -> None:
        self.schemes = tuple(dict.fromkeys(Scheme(scheme) for scheme in schemes))
        self.scopes = frozenset(scopes)
        self.challenges = Challenges(self.schemes, realm, key_field, sorted(self.scopes))

    def check(self, proof: Proof) -> None:
        """Raises ``NotProven`` for whom the scopes are not given."""
        if not self.scopes <= proof.scopes:
            detail = "This needs a scope that was not given to you."
            raise NotProven(Reason.INSUFFICIENT_SCOPE, detail, proof.scheme)

    def covers(self, other: Demand) -> bool:
        """Whether who satisfies it satisfies the other one too."""
        known = bool(self.schemes) and set(self.schemes) <= set(other.schemes)
        return not other.schemes or (known and other.scopes <= self.scopes)

    def __repr__(self) -> str:
        schemes = " or ".join(scheme.value for scheme in self.schemes) or "nothing"
        return f"<Demand {schemes} {sorted(self.scopes)}>"
