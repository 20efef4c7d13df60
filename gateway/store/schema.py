"""The tables, as the newest version has them. ``migrations`` says how they became so.

All times are seconds since the epoch. ``at`` is the beginning of a minute, and of an
hour once it is old; ``day`` that of a day (UTC). Figures have keys and numbers that
only grow, so that any number of processes can add to them without knowing each other.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

from gateway.store.buckets import SIZE

metadata = MetaData()


def _keys(*names: str) -> list[Column[object]]:
    """Text keys."""
    return [Column(name, Text, primary_key=True) for name in names]


def _time(name: str) -> Column[int]:
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def _numbers(*names: str) -> list[Column[object]]:
    return [Column(name, BigInteger, nullable=False, server_default="0") for name in names]


# A histogram's buckets; see ``buckets.BOUNDS``.
BUCKETS = tuple(f"b{index:02}" for index in range(SIZE))

# What is known of the whole: names to texts.
facts = Table(
    "gateway_facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

# Each process that writes, with the number of the last batch it wrote: one whose commit
# was in doubt is not written twice.
writers = Table(
    "gateway_writers",
    metadata,
    Column("writer", Text, primary_key=True),
    Column("batch", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
)

lost = Table("gateway_lost", metadata, *_keys("what"), *_numbers("number"))

verdicts = Table(
    "gateway_verdicts",
    metadata,
    _time("at"),
    *_keys("shadow", "route", "count", "verdict", "reason"),
    *_numbers("number"),
)

latency = Table(
    "gateway_latency",
    metadata,
    _time("at"),
    *_keys("shadow", "route", "side"),
    *_numbers(*BUCKETS),
    Column("seconds", Double, nullable=False, server_default="0"),
)

pairs = Table(
    "gateway_pairs",
    metadata,
    Column("day", BigInteger, nullable=False),
    Column("shadow", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("rank", Double, nullable=False),
    Column("at", Double, nullable=False),
    Column("live", Double, nullable=False),
    Column("answer", Double, nullable=False),
    Index("gateway_pairs_rank", "day", "shadow", "route", "rank"),
)

groups = Table(
    "gateway_groups",
    metadata,
    Column("id", Text, primary_key=True),
    Column("shadow", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("part", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("pattern", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("first_seen", Double, nullable=False),
    Column("last_seen", Double, nullable=False),
    Column("state", Text, nullable=False, server_default="open"),
    Column("closed_at", Double),
    Column("passes", Integer, nullable=False, server_default="0"),
    Column("reopened", Integer, nullable=False, server_default="0"),
)

group_counts = Table(
    "gateway_group_counts",
    metadata,
    _time("at"),
    *_keys("group_id"),
    *_numbers("number", "alone"),
    Index("gateway_group_counts_group", "group_id", "at"),
)

examples = Table(
    "gateway_examples",
    metadata,
    # SQLite numbers rows by itself only where the key is exactly INTEGER.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("group_id", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("live_status", Integer),
    Column("shadow_status", Integer),
    Column("size", BigInteger, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Index("gateway_examples_group", "group_id", "at"),
)

# ``total`` is a decimal number as text: SQLite has no exact ones.
drift = Table(
    "gateway_drift",
    metadata,
    _time("day"),
    *_keys("shadow", "route", "currency"),
    Column("total", Text, nullable=False, server_default="0"),
    *_numbers("number", "up", "down"),
)

coverage = Table(
    "gateway_coverage",
    metadata,
    _time("day"),
    *_keys("shadow", "route", "method"),
    Column("status", Integer, primary_key=True, autoincrement=False),
    *_keys("shape"),
    *_numbers("mirrored", "compared"),
)

traffic = Table(
    "gateway_traffic",
    metadata,
    _time("at"),
    *_keys("route", "method"),
    Column("status", Integer, primary_key=True, autoincrement=False),
    *_numbers("number"),
)

ledger = Table(
    "gateway_ledger",
    metadata,
    _time("at"),
    *_keys("shadow", "outcome", "reason"),
    *_numbers("number"),
)

isolation = Table(
    "gateway_isolation",
    metadata,
    _time("at"),
    *_keys("arm"),
    *_numbers(*BUCKETS, "number", "errors"),
    Column("seconds", Double, nullable=False, server_default="0"),
    Column("squares", Double, nullable=False, server_default="0"),
)

# Kept by the minute, then by the hour: (table, its time).
BY_MINUTE = (verdicts, latency, group_counts, traffic, ledger, isolation)
BY_DAY = (pairs, drift, coverage)
