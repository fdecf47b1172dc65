"""`fake_values` and `from_schema` on the schemas that people write: what is made up is valid."""

from __future__ import annotations

import re
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from pydantic import BaseModel, Field, HttpUrl, Json, create_model

from estate_config import Settings, load, use
from estate_config.testing import fake_values, from_schema


class Peer(BaseModel):
    host: str
    port: Annotated[int, Field(ge=1024, multiple_of=10)]
    tags: Json[list[int]]


TYPES: dict[str, Any] = {
    "a prefix and a length": Annotated[str, Field(pattern="^sk-", min_length=20)],
    "a part and a length": Annotated[str, Field(pattern="key", min_length=20, max_length=24)],
    "an end and a length": Annotated[str, Field(pattern="-key$", min_length=20)],
    "letters and a length": Annotated[str, Field(pattern="^[a-z]+$", min_length=60)],
    "a whole pattern": Annotated[str, Field(pattern="^[0-9]{4}$")],
    "a compiled pattern": Annotated[str, Field(pattern=re.compile("^sk-"))],
    "a multiple above": Annotated[int, Field(ge=3, multiple_of=5)],
    "a multiple above what is excluded": Annotated[int, Field(gt=5, multiple_of=5)],
    "a multiple below": Annotated[int, Field(lt=-3, multiple_of=5)],
    "a multiple between": Annotated[int, Field(gt=0, le=5, multiple_of=5)],
    "between fractions": Annotated[float, Field(gt=0.1, lt=0.2)],
    "from a fraction on": Annotated[float, Field(ge=0.5)],
    "no lower limit": Annotated[float, Field(ge=float("-inf"))],
    "an upper limit alone": Annotated[float, Field(ge=float("-inf"), le=-3)],
    "a fixed tuple": tuple[int, str],
    "an empty tuple": tuple[()],
    "a tuple of any length": tuple[int, ...],
    "tuples in a list": list[tuple[int, str]],
    "models": list[Peer],
    "addresses": list[HttpUrl],
    "lists of texts that match": list[Annotated[str, Field(pattern="^sk-", min_length=20)]],
    "JSON": Json[list[int]],
    "JSON that may not be there": Json[dict[str, int]] | None,
    "JSON in a list": list[Json[list[int]]],
    "any JSON": Json,
}
FRACTIONS: dict[str, Any] = {
    "a multiple of a fraction": Annotated[float, Field(ge=0.3, multiple_of=0.1)],
    "a multiple of a fraction above another": Annotated[float, Field(ge=0.6, multiple_of=0.2)],
    "a multiple of a fraction between": Annotated[float, Field(ge=0.7, le=0.9, multiple_of=0.1)],
    "a multiple of a fraction below": Annotated[float, Field(lt=0.6, multiple_of=0.2)],
    "a multiple far away": Annotated[float, Field(ge=1e9 + 0.1, multiple_of=0.1)],
}
each_type = pytest.mark.parametrize("annotation", TYPES.values(), ids=TYPES)


def schema(annotation: Any) -> type[Settings]:
    return create_model("Service", __base__=Settings, value=(annotation, ...))


@pytest.mark.parametrize("annotation", (TYPES | FRACTIONS).values(), ids=TYPES | FRACTIONS)
def test_a_fake_is_valid_and_the_same_every_time(annotation: Any) -> None:
    cls = schema(annotation)
    with use(cls, fake_values(cls)):
        load(cls)
    assert fake_values(cls) == fake_values(cls)


@each_type
def test_every_instance_of_a_strategy_is_valid(annotation: Any) -> None:
    @limits(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
    @given(from_schema(schema(annotation)))
    def try_it(instance: Settings) -> None:
        assert isinstance(instance, Settings)

    try_it()


def test_strategies_hold_more_than_the_fake() -> None:
    @limits(max_examples=100)
    @given(st.data())
    def try_it(data: st.DataObject) -> None:
        seen.add(data.draw(from_schema(schema(TYPES["a prefix and a length"]))).value)  # type: ignore[attr-defined]

    seen: set[str] = set()
    try_it()
    assert len(seen) > 10


@pytest.mark.parametrize(
    "annotation",
    [
        Annotated[str, Field(pattern="^[0-9]{4}$", min_length=5)],
        Annotated[str, Field(pattern=r"^\p{Lu}+$")],  # Rust knows it, and Python does not
        Annotated[int, Field(gt=5, lt=6)],
    ],
    ids=["no text", "no pattern of Python's", "no number"],
)
def test_where_nothing_is_found_the_field_is_named(annotation: Any) -> None:
    with pytest.raises(TypeError, match=r"no fake value is known for value, .*: give it by hand"):
        fake_values(schema(annotation))
