"""What the declarations in ``model.py`` say, in a form that can be walked.

The loader, the printer and the reference page all learn here which settings
exist and what their values must be, so that a setting declared in ``model.py``
needs no other line of code. Nothing here knows a setting by its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from msgspec import NODEFAULT, Struct, inspect, structs

from gateway.settings.model import Settings

# A dotted key in parts: ("shadows", 0, "percent") is shadows[0].percent.
Key = tuple[str | int, ...]


class Kind(Struct, frozen=True):
    """What one value must be. ``shape`` is never an annotation nor a union with None."""

    shape: inspect.Type
    optional: bool
    description: str
    extra: Mapping[str, Any]

    @property
    def model(self) -> type[Struct] | None:
        """The model, where the value is a table of settings."""
        return self.shape.cls if isinstance(self.shape, inspect.StructType) else None

    @property
    def item(self) -> Kind | None:
        """What each item must be, where the value is a list."""
        return (
            kind_of(self.shape.item_type) if isinstance(self.shape, inspect.VarTupleType) else None
        )

    @property
    def value(self) -> Kind | None:
        """What each value must be, where the value is a table with names of the user's."""
        return kind_of(self.shape.value_type) if isinstance(self.shape, inspect.DictType) else None

    @property
    def name(self) -> Kind | None:
        """What each of those names must be."""
        return kind_of(self.shape.key_type) if isinstance(self.shape, inspect.DictType) else None

    @property
    def scalar(self) -> bool:
        """Whether it is one value: neither table nor list."""
        return not isinstance(
            self.shape, (inspect.StructType, inspect.VarTupleType, inspect.DictType)
        )

    @property
    def secret(self) -> bool:
        """Whether the value must not be shown."""
        return bool(self.extra.get("secret"))

    @property
    def unit(self) -> str | None:
        """``"seconds"``, ``"bytes"`` or None."""
        return self.extra.get("unit")


class Setting(Struct, frozen=True):
    """One field of a model."""

    name: str
    kind: Kind
    required: bool
    default: Any


def kind_of(declared: inspect.Type) -> Kind:
    """Unwraps annotations and ``| None``, keeping what they say; the outer one wins."""
    optional, description, extra = False, "", dict[str, Any]()
    while isinstance(declared, (inspect.Metadata, inspect.UnionType)):
        if isinstance(declared, inspect.Metadata):
            description = description or (declared.extra_json_schema or {}).get("description", "")
            extra = {**(declared.extra or {}), **extra}
            declared = declared.type
        else:
            (declared,) = (t for t in declared.types if not isinstance(t, inspect.NoneType))
            optional = True
    return Kind(declared, optional, description, extra)


@cache  # Declarations do not change; walking them anew takes most of a load's time.
def settings_of(model: type[Struct]) -> tuple[Setting, ...]:
    """The fields of a model, in the order of their declaration."""
    fields = inspect.type_info(model).fields  # type: ignore[attr-defined]
    return tuple(Setting(f.name, kind_of(f.type), f.required, _default(f)) for f in fields)


def _default(field: inspect.Field) -> Any:
    if field.default_factory is not NODEFAULT:
        return field.default_factory()
    return None if field.default is NODEFAULT else field.default


def kind_at(key: Key) -> Kind:
    """What the value at a key must be; secret where a table around it is.

    Raises ``KeyError`` where no setting is.
    """
    kind = _root()
    for part in key:
        step = _step(kind, part)
        if step is None:
            raise KeyError(key)
        extra = {**step.extra, "secret": kind.secret or step.secret}
        kind = structs.replace(step, extra=extra)
    return kind


@cache
def _root() -> Kind:
    return kind_of(inspect.type_info(Settings))


def _step(kind: Kind, part: str | int) -> Kind | None:
    if kind.model is None:
        return kind.item if isinstance(part, int) else kind.value
    return next((s.kind for s in settings_of(kind.model) if s.name == part), None)


def scalar_keys(model: type[Struct] = Settings) -> Iterator[tuple[str, ...]]:
    """The keys of all single values outside lists: what one variable can set."""
    for setting in settings_of(model):
        if setting.kind.model is not None and not setting.kind.optional:
            for key in scalar_keys(setting.kind.model):
                yield (setting.name, *key)
        elif setting.kind.scalar:
            yield (setting.name,)


def all_keys(model: type[Struct] = Settings) -> Iterator[str]:
    """Every key there is, dotted, with ``[]`` for any item of a list."""
    for setting in settings_of(model):
        yield setting.name
        item = setting.kind.item
        inner = setting.kind.model or (item.model if item else None)
        if inner is not None:
            prefix = setting.name + ("[]" if item else "")
            yield from (f"{prefix}.{key}" for key in all_keys(inner))
