"""requests' own ``HTTPAdapter`` over urllib3, with all switched off that adds or changes something.

The way to an upstream under ``transport = "urllib3"``: for whoever trusts a
library of twenty years more than ours. The settings' other choice is in the
package above; both are mounted on the same ``UpstreamSession``.

``StockAdapter`` → urllib3's pools → ``ExactConnection`` → ``FinalAnswer`` → ``StockAnswer``.
"""

from __future__ import annotations

from gateway.transport.stock.adapter import StockAdapter

__all__ = ["StockAdapter"]
