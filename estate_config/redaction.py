"""How values are kept out of sight. Everything that must hide something imports it from here."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from pydantic import Secret
from pydantic_core import core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, SerializerFunctionWrapHandler
    from pydantic_core import CoreSchema

T = TypeVar("T")

MASK: Final = "**********"
"""What JSON shows for a secret; pydantic's own."""


class Hidden(Generic[T]):
    """Carries a value through frames whose locals may be printed: neither `repr` nor `vars` shows it."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        return self._value

    def __repr__(self) -> str:
        return f"Hidden({MASK!r})"

    def __reduce__(self) -> str:
        raise TypeError("a hidden value is not pickled")


def masked(value: Any) -> Any:
    """Return `value` wrapped so that printing it shows asterisks. None, and what is wrapped already, stays itself."""
    if value is None or hasattr(value, "get_secret_value"):
        return value
    return Secret(value)


def masking_schema(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    """Return the core schema of a secret field: validated as `source`, hidden in every dump.

    A Python-mode dump wraps the value in pydantic's `Secret`, JSON shows asterisks, and
    `context={"reveal": True}` asks for the value by name.
    """
    schema = handler(source)

    def serialize(value: Any, dump: SerializerFunctionWrapHandler, info: core_schema.SerializationInfo[Any]) -> Any:
        if isinstance(info.context, dict) and info.context.get("reveal"):
            return dump(_plain(value))
        if info.mode == "json":
            return None if value is None else MASK
        return masked(value)

    schema["serialization"] = core_schema.wrap_serializer_function_ser_schema(  # type: ignore[index]  # every core schema takes it
        serialize, schema=core_schema.any_schema(), info_arg=True
    )
    return schema


def _plain(value: Any) -> Any:
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value


def where(error: BaseException) -> str:
    """Return where an exception was raised, `Class.function (file.py:12)`, and nothing of what it says."""
    trace = error.__traceback__
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    code, file = trace.tb_frame.f_code, trace.tb_frame.f_code.co_filename
    with suppress(OSError):  # the working folder may be gone
        file = os.path.relpath(file)
    return f"{code.co_qualname} ({file}:{trace.tb_lineno})"
