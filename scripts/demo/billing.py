"""A small billing service: what `make run` puts behind the gateway.

It exists twice. ``live()`` is the old service, ``shadow()`` the rewrite that is
to replace it; the code is the same except for ``round_cents``, where the
rewrite has a bug. Both start from the same data and derive every id from what
the client sent, so that the same requests lead to the same answers wherever
the bug does not show.

The service knows nothing of Gateway, except that it counts the copies it is
sent (``GET /-/counters``) to make them visible. It keeps its data in memory,
the newest 2,000 invoices, and is not an example of how to write books.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import BadRequest, Conflict, HTTPException, NotFound, UnprocessableEntity
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Json = dict[str, Any]
Rounding = Callable[[Decimal], Decimal]

CENT = Decimal("0.01")
VAT_RATES = {Decimal(0), Decimal(7), Decimal(19)}
PAYMENT_TERM = timedelta(days=14)
MAX_INVOICES = 2_000
MAX_BODY_BYTES = 64 * 1024
MAX_LINES = 100
CUSTOMERS = {
    "c-1001": "Ada's Bakery",
    "c-1002": "Brook & Sons",
    "c-1003": "Café Müller",
    "c-1004": "Delta Print",
    "c-1005": "East Side Cycles",
}
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,4})?")


# --- the one difference -----------------------------------------------------------


def round_cents_live(amount: Decimal) -> Decimal:
    """Half a cent goes up, as the tax office and the customers expect."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def round_cents_shadow(amount: Decimal) -> Decimal:
    """BUG (on purpose): without ``rounding``, decimal rounds half a cent to the even neighbour.

    So 1.425 becomes 1.42 where live says 1.43: one cent of VAT is missing on
    some invoices, always in the same direction, and a customer who pays what
    the old invoice said is told that it is too much.
    """
    return amount.quantize(CENT)


# --- what is billed ---------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One position of an invoice."""

    text: str
    quantity: Decimal
    unit_price: Decimal
    vat_rate: Decimal


@dataclass
class Invoice:
    """An invoice with what was paid on it."""

    id: str
    customer: str
    reference: str
    issued: date
    lines: tuple[Line, ...]
    net: Decimal
    vat: Decimal
    payments: dict[str, Decimal] = field(default_factory=dict)

    @property
    def total(self) -> Decimal:
        return self.net + self.vat

    @property
    def open(self) -> Decimal:
        return self.total - sum(self.payments.values(), Decimal(0))

    def summary(self) -> Json:
        return {
            "id": self.id,
            "customer": self.customer,
            "issued": self.issued.isoformat(),
            "total": str(self.total),
            "open": str(self.open),
        }

    def document(self) -> Json:
        lines = [
            {
                "text": line.text,
                "quantity": str(line.quantity),
                "unit_price": str(line.unit_price),
                "vat_rate": str(line.vat_rate),
            }
            for line in self.lines
        ]
        payments = [{"id": id_, "amount": str(paid)} for id_, paid in sorted(self.payments.items())]
        return self.summary() | {
            "reference": self.reference,
            "due": (self.issued + PAYMENT_TERM).isoformat(),
            "lines": lines,
            "net": str(self.net),
            "vat": str(self.vat),
            "payments": payments,
        }


def stable_id(prefix: str, *parts: str) -> str:
    """The same parts give the same id, in every process."""
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return f"{prefix}-{digest[:10]}"


def make_invoice(
    customer: str, reference: str, issued: date, lines: Iterable[Line], round_cents: Rounding
) -> Invoice:
    """Totals: VAT is computed for each rate on the sum of its lines, then rounded once."""
    lines = tuple(lines)
    exact: dict[Decimal, Decimal] = {}
    for line in lines:
        exact[line.vat_rate] = (
            exact.get(line.vat_rate, Decimal(0)) + line.quantity * line.unit_price
        )
    nets = {rate: round_cents(net) for rate, net in exact.items()}
    vat = sum((round_cents(net * rate / 100) for rate, net in nets.items()), Decimal("0.00"))
    net = sum(nets.values(), Decimal("0.00"))
    id_ = stable_id("inv", customer, reference)
    return Invoice(id_, customer, reference, issued, lines, net, vat)


class Ledger:
    """All invoices, newest last.

    *Threads*: called from every request thread. The lock guards the invoices
    and their payments; it is held for dictionary work only, nothing blocks.
    """

    def __init__(self, round_cents: Rounding) -> None:
        self._round_cents = round_cents
        self._lock = threading.Lock()
        self._invoices: dict[str, Invoice] = {}
        for number, customer in enumerate(CUSTOMERS, start=1):
            line = Line("Monthly fee", Decimal(number), Decimal("25.00"), Decimal(19))
            self.add(customer, f"opening-{number}", date(2025, 1, 2), [line])

    def add(
        self, customer: str, reference: str, issued: date, lines: Iterable[Line]
    ) -> tuple[Json, bool]:
        """The invoice, and whether it is new: a reference is billed once."""
        invoice = make_invoice(customer, reference, issued, lines, self._round_cents)
        with self._lock:
            known = self._invoices.setdefault(invoice.id, invoice)
            if len(self._invoices) > MAX_INVOICES:
                del self._invoices[next(iter(self._invoices))]
            return known.document(), known is invoice

    def pay(self, invoice_id: str, reference: str, amount: Decimal) -> tuple[Json, bool]:
        """The invoice after the payment, and whether that is new."""
        payment_id = stable_id("pay", invoice_id, reference)
        with self._lock:
            invoice = self._get(invoice_id)
            new = payment_id not in invoice.payments
            if new and amount > invoice.open:
                raise Conflict(f"the payment of {amount} exceeds the open amount of {invoice.open}")
            invoice.payments.setdefault(payment_id, amount)
            return invoice.document(), new

    def document(self, invoice_id: str) -> Json:
        with self._lock:
            return self._get(invoice_id).document()

    def of(self, customer: str | None) -> list[Json]:
        """Summaries in a fixed order, of one customer or of all."""
        with self._lock:
            found = [
                invoice.summary()
                for invoice in self._invoices.values()
                if customer is None or invoice.customer == customer
            ]
        return sorted(found, key=lambda summary: (summary["issued"], summary["id"]))

    def _get(self, invoice_id: str) -> Invoice:
        try:
            return self._invoices[invoice_id]
        except KeyError:
            raise NotFound(f"there is no invoice {invoice_id}") from None


# --- what clients may send --------------------------------------------------------


def read_json(request: Request) -> Json:
    """The body as an object; numbers stay the text they were, so no float touches money."""
    try:
        data = json.loads(request.get_data(), parse_float=str, parse_int=str)
    except ValueError as error:
        raise BadRequest("the body is not JSON") from error
    if not isinstance(data, dict):
        raise UnprocessableEntity("the body must be a JSON object")
    return data


def text_of(data: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = data.get(key, default)
    if not isinstance(value, str) or not 0 < len(value) <= 80:
        raise UnprocessableEntity(f"{key} must be a text of 1 to 80 characters")
    return value


def amount_of(data: Mapping[str, Any], key: str) -> Decimal:
    value = data.get(key)
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
        raise UnprocessableEntity(f"{key} must be a decimal number such as 12.50")
    return Decimal(value)


def date_of(data: Mapping[str, Any], key: str) -> date:
    today = datetime.now(timezone.utc).date().isoformat()
    try:
        return date.fromisoformat(text_of(data, key, default=today))
    except ValueError:
        raise UnprocessableEntity(f"{key} must be a date such as 2025-01-31") from None


def line_of(data: object) -> Line:
    if not isinstance(data, dict):
        raise UnprocessableEntity("a line must be an object")
    rate = amount_of(data, "vat_rate")
    if rate not in VAT_RATES:
        raise UnprocessableEntity("vat_rate must be 0, 7 or 19")
    return Line(
        text_of(data, "text"), amount_of(data, "quantity"), amount_of(data, "unit_price"), rate
    )


def lines_of(data: Mapping[str, Any]) -> list[Line]:
    lines = data.get("lines")
    if not isinstance(lines, list) or not 0 < len(lines) <= MAX_LINES:
        raise UnprocessableEntity(f"lines must be a list of 1 to {MAX_LINES} lines")
    return [line_of(line) for line in lines]


# --- the service ------------------------------------------------------------------


class Billing:
    """The WSGI application.

    *Threads*: called from every request thread. ``_lock`` guards the counters
    only; the ledger has its own lock.
    """

    ROUTES = Map(
        [
            Rule("/invoices", methods=["GET"], endpoint="list_invoices"),
            Rule("/invoices", methods=["POST"], endpoint="create_invoice"),
            Rule("/invoices/<id_>", methods=["GET"], endpoint="read_invoice"),
            Rule("/invoices/<id_>/payments", methods=["POST"], endpoint="create_payment"),
            Rule("/customers/<id_>/statement", methods=["GET"], endpoint="read_statement"),
            Rule("/-/counters", methods=["GET"], endpoint="read_counters"),
        ]
    )

    def __init__(self, role: str, round_cents: Rounding) -> None:
        self.role = role
        self._ledger = Ledger(round_cents)
        self._lock = threading.Lock()
        self._counters: Counter[str] = Counter()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = MAX_BODY_BYTES
        return self._answer(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        try:
            if request.path != "/-/counters":
                self._count(request)
            endpoint, values = self.ROUTES.bind_to_environ(request.environ).match()
            answer: Response = getattr(self, endpoint)(request, **values)
        except HTTPException as error:
            if error.code is None or error.code < 400:  # a redirect to the clean path
                return Response.force_type(error.get_response(request.environ), request.environ)
            return answer_json({"error": error.description}, error.code)
        return answer

    def list_invoices(self, request: Request) -> Response:
        return answer_json({"invoices": self._ledger.of(request.args.get("customer"))[:50]})

    def create_invoice(self, request: Request) -> Response:
        data = read_json(request)
        customer = text_of(data, "customer")
        if customer not in CUSTOMERS:
            raise UnprocessableEntity(f"there is no customer {customer}")
        document, new = self._ledger.add(
            customer, text_of(data, "reference"), date_of(data, "issued"), lines_of(data)
        )
        return answer_json(document, 201 if new else 200)

    def read_invoice(self, request: Request, id_: str) -> Response:
        return answer_json(self._ledger.document(id_))

    def create_payment(self, request: Request, id_: str) -> Response:
        data = read_json(request)
        document, new = self._ledger.pay(id_, text_of(data, "reference"), amount_of(data, "amount"))
        return answer_json(document, 201 if new else 200)

    def read_statement(self, request: Request, id_: str) -> Response:
        if id_ not in CUSTOMERS:
            raise NotFound(f"there is no customer {id_}")
        invoices = self._ledger.of(id_)
        balance = sum((Decimal(invoice["open"]) for invoice in invoices), Decimal("0.00"))
        return answer_json(
            {
                "customer": id_,
                "name": CUSTOMERS[id_],
                "invoices": len(invoices),
                "balance": str(balance),
            }
        )

    def read_counters(self, request: Request) -> Response:
        with self._lock:
            return answer_json({"role": self.role, **self._counters})

    def _count(self, request: Request) -> None:
        kind = "copies" if "X-Shadow-Request" in request.headers else "requests"
        with self._lock:
            self._counters[kind] += 1


def answer_json(data: Json, status: int = 200) -> Response:
    text = json.dumps(data, ensure_ascii=False, indent=2) + "\n"
    return Response(text, status, content_type="application/json")


def live() -> Billing:
    """For gunicorn: ``billing:live()``."""
    return Billing("live", round_cents_live)


def shadow() -> Billing:
    """For gunicorn: ``billing:shadow()``."""
    return Billing("shadow", round_cents_shadow)
