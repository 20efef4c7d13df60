"""The shape of the program: arrows point down, there are no circles, modules are small."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "gateway"

# From top to bottom. A module imports only from its own layer's package or from below.
LAYERS = [
    ("gateway.__main__",),
    ("gateway.cli",),
    ("gateway.server", "gateway.admin"),
    ("gateway.report",),
    ("gateway.known",),
    ("gateway.wsgi", "gateway"),
    ("gateway.embedding",),
    ("gateway.app", "gateway.embedded.process"),
    ("gateway.recording",),
    ("gateway.telemetry", "gateway.unserved"),
    ("gateway.middleware",),
    ("gateway.traffic",),
    ("gateway.mirror", "gateway.live", "gateway.tracing"),
    ("gateway.offer",),
    ("gateway.prometheus",),
    ("gateway.shadow.side",),
    (
        "gateway.shadow.fanout",
        "gateway.isolation.guard",
        "gateway.compare.side",
        "gateway.store.side",
    ),
    ("gateway.compare.telling",),
    ("gateway.metrics", "gateway.shadow.floor"),
    ("gateway.shadow.upstream", "gateway.shadow.ledger", "gateway.shadow.pool"),
    ("gateway.shadow.batch", "gateway.shadow.call", "gateway.shadow.vetting"),
    ("gateway.shadow.permit", "gateway.hooks", "gateway.isolation"),
    ("gateway.store",),
    (
        "gateway.control",
        "gateway.failures",
        "gateway.shadow.sampling",
        "gateway.shadow.holdout",
        "gateway.field_change",
        "gateway.introduction",
        "gateway.ratelimit",
        "gateway.compare",
    ),
    ("gateway.prefix", "gateway.request", "gateway.exchange", "gateway.runtime", "gateway.problem"),
    ("gateway.shadow.copy", "gateway.shadow.work", "gateway.shadow.switch", "gateway.shadow"),
    ("gateway.embedded",),
    ("gateway.shadow.outcome",),
    ("gateway.embedded.settings",),
    ("gateway.tls", "gateway.housekeeping", "gateway.auth"),
    ("gateway.admission",),
    ("gateway.transport", "gateway.settings"),
    (
        "gateway.forwarded",
        "gateway.budget",
        "gateway.backlog",
        "gateway.recoding",
        "gateway.validation",
    ),
    (
        "gateway.target",
        "gateway.headers",
        "gateway.routes",
        "gateway.ids",
        "gateway.ratelimit.notation",
        "gateway.compare.currencies",
        "gateway.compare.patterns",
        "gateway.compare.hooks",
        "gateway.clients",
        "gateway.accesslog",
    ),
    ("gateway.negotiation", "gateway.encoders", "gateway.coding", "gateway.compare.paths"),
    (
        "gateway.throttle",
        "gateway.readings",
        "gateway.breaker",
        "gateway.offload",
        "gateway.errors",
        "gateway.nowait",
        "gateway.networks",
        "gateway.process",
        "gateway.signals",
        "gateway.turns",
        "gateway.waiting",
        "gateway.slot_values",
        "gateway._version",
        "gateway.ratelimit.rate",
        "gateway.store.url",
    ),
    ("gateway.auth.credentials",),
]


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(name: str, path: Path) -> Iterator[str]:
    """The modules of the project that one imports, outside TYPE_CHECKING blocks too."""
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith("gateway"))
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*up, base] if base else up)
            if base.startswith("gateway"):
                for alias in node.names:
                    whole = f"{base}.{alias.name}"
                    yield whole if whole in ALL else base


ALL = {name for name, _ in modules()}


def layer(name: str) -> tuple[int, str]:
    """The number of the layer a module is in, and the entry that put it there."""
    best = (-1, "")
    for number, entries in enumerate(LAYERS):
        for entry in entries:
            within = entry != "gateway" and name.startswith(entry + ".")
            if (name == entry or within) and len(entry) > len(best[1]):
                best = (number, entry)
    return best


@pytest.mark.parametrize(("name", "path"), list(modules()), ids=[name for name, _ in modules()])
def test_a_module_imports_only_from_below(name: str, path: Path) -> None:
    """Every module has its place, and arrows point down only."""
    here, entry = layer(name)
    assert here >= 0, f"{name} is in no layer: give it a place in LAYERS"
    for imported in imports(name, path):
        there, other = layer(imported)
        assert other == entry or there > here, f"{name} imports {imported}, which is not below it"


def test_there_are_no_import_circles() -> None:
    """Also not within one layer's package."""
    graph = {name: set(imports(name, path)) & ALL - {name} for name, path in modules()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " → ".join([*trail, name])
        if name not in done:
            for imported in graph[name]:
                visit(imported, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_modules_and_functions_are_small() -> None:
    """Median module at most 150 lines, none over 400; no function over 50."""
    lines = [len(path.read_text().splitlines()) for _, path in modules()]
    assert statistics.median(lines) <= 150
    assert max(lines) <= 400
    for name, path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
                assert node.end_lineno - node.lineno <= 50, f"{name}.{node.name}"


def test_no_module_imports_inside_a_function() -> None:
    """What a module needs stands at its top."""
    for name, path in modules():
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                for node in ast.walk(function):
                    assert not isinstance(node, ast.Import | ast.ImportFrom), (
                        f"{name}: {node.lineno}"
                    )
