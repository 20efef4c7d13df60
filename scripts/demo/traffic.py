"""A bounded stream of requests as a billing service sees them, sent through the demo's gateway.

Some customers order, look at what they owe, and pay; some requests are wrong.
One connection, one request at a time, at a steady rate: enough to watch, and
not a load test. Invoices are read and paid a little after they were made, not
at once, since the shadow may get its copy of the order a moment later.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlsplit

REST_SECONDS = 1.0
CUSTOMERS = ("c-1001", "c-1002", "c-1003", "c-1004", "c-1005")
GOODS = (
    ("Croissants", "2.50", "7"),
    ("Coffee, 1 kg", "18.90", "7"),
    ("Inner tube", "7.50", "19"),
    ("Business cards, 250", "34.50", "19"),
    ("Repair, hour", "58.00", "19"),
    ("Poster, A2", "12.25", "19"),
    ("Gift card", "25.00", "0"),
)


@dataclass(frozen=True)
class Call:
    """One request; ``kind`` is what the summary counts it under."""

    kind: str
    method: str
    target: str
    body: Mapping[str, object] | None = None


@dataclass
class Order:
    """An invoice that was made, and when it may be read and paid."""

    id: str
    total: Decimal
    rested_at: float
    paid: bool = False


class Customers:
    """Decides what is asked next, from chance and from what was answered before."""

    def __init__(self, chance: random.Random, run: str) -> None:
        self._chance = chance
        self._run = run
        self._made = 0
        self._orders: deque[Order] = deque(maxlen=200)

    def next_call(self, now: float) -> Call:
        rested = [order for order in self._orders if order.rested_at <= now]
        unpaid = [order for order in rested if not order.paid]
        dice = self._chance.random()
        customer = self._chance.choice(CUSTOMERS)
        if dice < 0.15 and unpaid:
            return self._pay(self._chance.choice(unpaid))
        if dice < 0.40 and rested:
            return Call("read an invoice", "GET", f"/invoices/{self._chance.choice(rested).id}")
        if dice < 0.50:
            return Call("list invoices", "GET", f"/invoices?customer={customer}")
        if dice < 0.60:
            return Call("read a statement", "GET", f"/customers/{customer}/statement")
        if dice < 0.65:
            return self._mistake()
        return self._order(customer)

    def learn(self, call: Call, status: int, body: bytes, now: float) -> None:
        if call.kind == "order" and status == 201:
            invoice = json.loads(body)
            total = Decimal(invoice["total"])
            self._orders.append(Order(invoice["id"], total, now + REST_SECONDS))

    def _order(self, customer: str) -> Call:
        self._made += 1
        lines = []
        for text, price, rate in self._chance.sample(GOODS, self._chance.randint(1, 3)):
            quantity = self._chance.randint(1, 9)
            lines.append(
                {"text": text, "quantity": quantity, "unit_price": price, "vat_rate": rate}
            )
        reference = f"{self._run}-{self._made}"
        body = {"customer": customer, "reference": reference, "lines": lines}
        return Call("order", "POST", "/invoices", body)

    def _pay(self, order: Order) -> Call:
        order.paid = True
        body = {"reference": f"transfer-{order.id}", "amount": str(order.total)}
        return Call("pay", "POST", f"/invoices/{order.id}/payments", body)

    def _mistake(self) -> Call:
        if self._chance.random() < 0.5:
            return Call("ask for what is not there", "GET", "/invoices/inv-unknown")
        return Call("order nothing", "POST", "/invoices", {"customer": "c-1001", "reference": "x"})


class Sender:
    """One kept-alive connection; counts answers by kind and status."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname is None:
            raise ValueError(f"{url!r} is not a URL such as http://127.0.0.1:8000")
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        self.counts: Counter[tuple[str, str]] = Counter()
        self.seconds: list[float] = []

    def connect(self) -> None:
        """Raises ``OSError`` where there is nobody."""
        self._connection.connect()

    def send(self, call: Call) -> tuple[int, bytes] | None:
        """The answer; None, and a new connection next time, when there was none."""
        body = None if call.body is None else json.dumps(call.body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        begin = time.monotonic()
        try:
            self._connection.request(call.method, call.target, body, headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            self.counts[call.kind, type(error).__name__] += 1
            return None
        self.seconds.append(time.monotonic() - begin)
        self.counts[call.kind, str(answer.status)] += 1
        return answer.status, content


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    chance = random.Random(options.seed)
    customers = Customers(chance, run=f"{time.time_ns():x}")
    try:
        sender = Sender(options.url)
        sender.connect()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        why = f"{options.url} cannot be connected to ({error.strerror or error})."
        print(f"{why} Start the demo first, in another terminal: make run", file=sys.stderr)
        return 2
    print(f"About {options.rate:g} requests/s to {options.url} for {options.seconds:g} s …")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    begin = time.monotonic()
    try:
        run(sender, customers, options.rate, options.seconds)
    except KeyboardInterrupt:
        print("Interrupted.")
    print(summary(sender, time.monotonic() - begin))
    print(shadow_figures(options.admin))
    return 0 if sender.seconds else 1


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="traffic.py", description="Believable billing requests.")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="where the gateway is")
    parser.add_argument("--admin", default="http://127.0.0.1:9900", help="where its admin side is")
    parser.add_argument("--seconds", type=positive, default=60.0, help="default 60")
    parser.add_argument("--rate", type=positive, default=20.0, help="requests/s, default 20")
    parser.add_argument("--seed", type=int, help="send the same mixture again")
    return parser.parse_args(arguments)


def positive(text: str) -> float:
    number = float(text)
    if not 0 < number < 1e6:
        raise ValueError(text)
    return number


def run(sender: Sender, customers: Customers, rate: float, seconds: float) -> None:
    """Sends at the beats of a steady clock; beats missed by a slow answer are left out."""
    begin = time.monotonic()
    beat = 0
    while (due := begin + beat / rate) < begin + seconds:
        time.sleep(max(0.0, due - time.monotonic()))
        call = customers.next_call(time.monotonic())
        answer = sender.send(call)
        if answer is not None:
            customers.learn(call, *answer, time.monotonic())
        beat = max(beat + 1, int((time.monotonic() - begin) * rate))


def summary(sender: Sender, elapsed: float) -> str:
    sent = sum(sender.counts.values())
    lines = [f"{sent} requests in {elapsed:.1f} s, {sent - len(sender.seconds)} without an answer."]
    lines += [
        f"  {count:6}  {kind}: {result}" for (kind, result), count in sorted(sender.counts.items())
    ]
    if sender.seconds:
        ordered = sorted(sender.seconds)
        middle, high = (ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99))
        lines.append(f"Answered in {middle:.1f} ms (median), {high:.1f} ms (99th percentile).")
    return "\n".join(lines)


def shadow_figures(admin: str) -> str:
    """The gateway's own account of the copies, as far as it can be had."""
    parts = urlsplit(admin)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException, ValueError):
        return f"No figures of the shadow: {admin}/metrics does not answer."
    finally:
        connection.close()
    name = "gateway_shadow_requests_total{"
    found = [f"  {line}" for line in text.splitlines() if line.startswith(name)]
    return "What became of the copies, since the gateway was started:\n" + "\n".join(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
