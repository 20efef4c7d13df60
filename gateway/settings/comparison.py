"""Settings of the comparison: what of two answers counts, and what is kept of it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from gateway.settings.access_log import SECRET_PARAMETERS
from gateway.settings.types import Bytes, FieldName, File, Model, Percent, Seconds

JsonPath = Annotated[
    str,
    Meta(
        extra={
            "format": "json-path",
            "expected": "a JSON path such as $.total, $.lines[*].id or $..updated_at",
        }
    ),
]
MemberPath = Annotated[
    str,
    Meta(
        extra={
            "format": "member-path",
            "expected": "the name of a member such as id, or a JSON path such as $.product.id "
            "that begins at the item",
        }
    ),
]
Amount = Annotated[
    str,
    Meta(
        extra={"format": "amount", "expected": 'a decimal number in quotes such as "0.005"'},
    ),
]
Currency = Annotated[
    str,
    Meta(
        extra={
            "format": "currency",
            "expected": "a currency of ISO 4217 such as EUR, or a JSON path such as $.currency",
        }
    ),
]
Hook = Annotated[
    str,
    Meta(extra={"format": "hook", "expected": "MODULE:FUNCTION, such as billing.compare:judge"}),
]
Parameter = Annotated[
    str, Meta(min_length=1, max_length=100, extra={"expected": "a parameter's name"})
]


class ArrayRule(Model, frozen=True):
    """Arrays in which the order of the items does not matter."""

    path: Annotated[JsonPath, Meta(description="where the arrays are")]
    key: Annotated[
        MemberPath | None,
        Meta(
            description="what tells their items apart: those with the same one are compared; "
            "when left out the arrays are sets, whose items are there or not"
        ),
    ] = None


class NumberRule(Model, frozen=True):
    """Numbers that need not be the same to the last digit. Either tolerance will do."""

    path: Annotated[
        JsonPath,
        Meta(description="where the numbers are; texts of digits there count as numbers too"),
    ]
    absolute: Annotated[Amount, Meta(description="by how much they may differ")] = "0"
    relative: Annotated[
        Amount, Meta(description='by which part of live\'s they may differ; "0.01" is a hundredth')
    ] = "0"


class MoneyRule(Model, frozen=True):
    """Amounts of money. Every cent between the two sides is added up, tolerated or not."""

    path: Annotated[JsonPath, Meta(description="where the amounts are, as numbers or texts")]
    currency: Annotated[
        Currency,
        Meta(
            description="the currency, or where it is written; where both paths begin alike they "
            "mean the same place: $.lines[*].price and $.lines[*].currency"
        ),
    ]
    tolerance: Annotated[
        Amount,
        Meta(description="by how many minor units (cents, for most) an amount may differ"),
    ] = "0"
    unit: Annotated[
        Literal["major", "minor"],
        Meta(description='what the amounts are in: "major" has 10.50, "minor" 1050'),
    ] = "major"


class TimeRule(Model, frozen=True):
    """Points in time that need not be the same."""

    path: Annotated[
        JsonPath, Meta(description="where they are: texts as in RFC 3339, or numbers since 1970")
    ]
    window: Annotated[Seconds, Meta(description="by how much they may differ")]
    unit: Annotated[
        Literal["seconds", "milliseconds", "microseconds"],
        Meta(description="what numbers are in"),
    ] = "seconds"


class TextRule(Model, frozen=True):
    """What is replaced in texts of both sides before they are compared.

    In JSON bodies these are the texts at `path`, or all without one; other bodies
    are one text, which only rules without `path` and `header` are for.
    """

    pattern: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=1000,
            description="a regular expression; needs `pip install 'gateway[compare]'`",
            extra={"expected": "a regular expression"},
        ),
    ]
    replace: Annotated[
        str, Meta(max_length=200, description=r"what takes the place of it; \1 is its first group")
    ] = ""
    path: Annotated[JsonPath | None, Meta(description="where in JSON bodies")] = None
    header: Annotated[FieldName | None, Meta(description="in which header field instead")] = None


class CompareRules(Model, frozen=True):
    """What of two answers counts. A route's rules come before the general ones, not in
    their place; what a route leaves out is as in `[compare]`.
    """

    enabled: Annotated[
        bool | None, Meta(description="whether answers are compared; they are when left out")
    ] = None
    headers: Annotated[
        tuple[FieldName, ...],
        Meta(description="header fields that count; all but the ignored ones when empty"),
    ] = ()
    ignore_headers: Annotated[
        tuple[FieldName, ...],
        Meta(description="header fields that do not count, beside those that never do"),
    ] = ()
    cookie_values: Annotated[
        bool | None,
        Meta(
            description="whether cookies' values count too, not only their names and attributes; "
            "not when left out"
        ),
    ] = None
    ignore_paths: Annotated[
        tuple[JsonPath, ...], Meta(description="what does not count in JSON bodies")
    ] = ()
    require_paths: Annotated[
        tuple[JsonPath, ...],
        Meta(
            description="what a shadow's JSON must have where live answered 2xx, "
            "even if its value does not count"
        ),
    ] = ()
    arrays: tuple[ArrayRule, ...] = ()
    numbers: tuple[NumberRule, ...] = ()
    money: tuple[MoneyRule, ...] = ()
    times: tuple[TimeRule, ...] = ()
    normalise: tuple[TextRule, ...] = ()
    hook: Annotated[
        Hook | None,
        Meta(
            description="a Python function for the rest: "
            "it is given what was found and returns what counts"
        ),
    ] = None


class Redact(Model, frozen=True):
    """What is never stored, shown or exported. In its place stands a keyed digest, its
    type and its length. Credentials are always among it.
    """

    headers: Annotated[
        tuple[FieldName, ...],
        Meta(
            description="header fields, beside Authorization, Proxy-Authorization, Cookie, "
            "Set-Cookie and X-Api-Key"
        ),
    ] = ()
    paths: Annotated[
        tuple[JsonPath, ...],
        Meta(
            description="values in JSON bodies of requests and answers, beside members that are "
            "called password, access_token and the like; if there are any, bodies that are "
            "neither JSON nor forms are not kept at all"
        ),
    ] = ()
    parameters: Annotated[
        tuple[Parameter, ...], Meta(description="parameters in queries and forms")
    ] = SECRET_PARAMETERS


class Noise(Model, frozen=True):
    """When a field that always differs is proposed as one to ignore."""

    percent: Annotated[
        Percent,
        Meta(description="in which share of a route's exchanges it must differ, and nothing else"),
    ] = 20.0
    exchanges: Annotated[
        int, Meta(ge=1, le=10**9, description="how many must have been compared before")
    ] = 100


class Compare(CompareRules, frozen=True):
    """How shadows' answers are compared with live's. A route can have its own rules."""

    max_body: Annotated[
        Bytes,
        Meta(
            description="largest body that is compared, as sent and decoded; "
            "larger ones are known by their digest only"
        ),
    ] = 256 * 1024
    max_bytes: Annotated[
        Bytes,
        Meta(
            description="bytes of requests and answers that one worker holds to compare them; "
            "beyond it exchanges are not compared (no_room)"
        ),
    ] = 32 * 1024 * 1024
    max_queue: Annotated[
        int,
        Meta(
            ge=1,
            le=10**6,
            description="exchanges that wait in one worker to be compared; "
            "more are not compared (queue_full)",
        ),
    ] = 2000
    cpu_percent: Annotated[
        float,
        Meta(
            gt=0,
            le=100,
            description="of one CPU, the most that a worker's comparing thread takes",
            extra={"expected": "a number over 0, up to 100"},
        ),
    ] = 25.0
    max_differences: Annotated[
        int, Meta(ge=1, le=1000, description="differences kept of one exchange")
    ] = 50
    max_depth: Annotated[
        int, Meta(ge=1, le=200, description="levels of nesting up to which JSON is taken as such")
    ] = 100
    time_limit: Annotated[
        Seconds,
        Meta(
            description="processor time that `normalise` and `hook` may each take of one exchange; "
            "then it is not compared"
        ),
    ] = 0.1
    known: Annotated[
        File | None,
        Meta(
            description="TOML file of the differences that are known and fine until a day: the "
            "register, kept under version control; made when the first is accepted"
        ),
    ] = None
    redact: Redact = Redact()
    noise: Noise = Noise()
