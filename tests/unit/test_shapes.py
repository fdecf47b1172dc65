"""From text to what a type needs, and never a word of the text in what is raised."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, Json, PostgresDsn, Secret, SecretBytes, SecretStr
from pydantic_settings import NoDecode
from typing_extensions import TypeAliasType

from estate_config.shapes import MalformedError, Shape, asks_for_text, is_secret_type, model_type, shape_of, shaped
from tests.leaks import assert_no_canary


class Model(BaseModel):
    x: int = 1


@dataclasses.dataclass
class Data:
    x: int


class Typed(TypedDict):
    x: int


class Pair(NamedTuple):
    x: int
    y: int


Hosts = TypeAliasType("Hosts", list[str])
TOKEN = TypeAliasType("TOKEN", Secret[str])
Password = NewType("Password", SecretStr)


@pytest.mark.parametrize(
    ("annotation", "shape"),
    [
        (str, Shape.TEXT),
        (int, Shape.TEXT),
        (PostgresDsn, Shape.TEXT),
        (SecretStr, Shape.TEXT),
        (Secret[int], Shape.TEXT),
        (Any, Shape.TEXT),
        (Literal["a", "b"], Shape.TEXT),
        (str | list[str], Shape.TEXT),
        (Json[list[int]], Shape.TEXT),
        (Json[list[int]] | None, Shape.TEXT),
        (Annotated[list[str], NoDecode] | None, Shape.TEXT),  # pyright: ignore[reportOperatorIssue]  # it is, at run time
        (bytes, Shape.BINARY),
        (bytearray, Shape.BINARY),
        (SecretBytes | None, Shape.BINARY),
        (Secret[bytes], Shape.BINARY),
        (timedelta, Shape.DURATION),
        (timedelta | None, Shape.DURATION),
        (list[str], Shape.LIST),
        (list[str] | None, Shape.LIST),
        (Annotated[set[int], Field(min_length=1)], Shape.LIST),
        (tuple[int, ...], Shape.LIST),
        (frozenset[str], Shape.LIST),
        (Sequence[int], Shape.LIST),
        (list[int] | tuple[int, ...], Shape.LIST),
        (Secret[list[str]], Shape.LIST),
        (Pair, Shape.LIST),
        (Hosts, Shape.LIST),
        (dict[str, int], Shape.OBJECT),
        (Secret[dict[str, str]], Shape.OBJECT),
        (Data, Shape.OBJECT),
        (Typed, Shape.OBJECT),
        (Model, Shape.OBJECT),
    ],
)
def test_a_type_asks_for_a_shape(annotation: Any, shape: Shape) -> None:
    assert shape_of(annotation) is shape


@pytest.mark.parametrize(
    "annotation",
    [
        SecretStr,
        SecretBytes,
        Secret[int],
        SecretStr | None,
        list[SecretStr],
        dict[str, SecretStr],
        tuple[SecretStr, ...],
        Annotated[SecretStr, Field(min_length=8)],
        Password,
        TOKEN,
    ],
)
def test_what_pydantic_hides_is_secret_without_being_told(annotation: Any) -> None:
    assert is_secret_type(annotation)


@pytest.mark.parametrize("annotation", [str, int, list[str], tuple[int, ...], PostgresDsn, Any, Literal["SecretStr"]])
def test_everything_else_is_not(annotation: Any) -> None:
    assert not is_secret_type(annotation)


def test_a_model_is_nested_where_nothing_else_is_meant() -> None:
    assert model_type(Model) is Model
    assert model_type(Model | None) is Model
    assert model_type(Model | str) is None
    assert model_type(list[Model]) is None
    assert model_type(str) is None


def test_the_text_itself_is_asked_for_by_what_stands_around_a_type() -> None:
    assert asks_for_text([NoDecode])
    assert asks_for_text([NoDecode()])
    assert not asks_for_text([Field(min_length=1)])


def test_t13_a_pin_with_leading_zero_stays_text() -> None:
    assert shaped("0123", Shape.TEXT) == "0123"
    assert shaped("true", Shape.TEXT) == "true"


@given(st.text(), st.sampled_from([Shape.TEXT, Shape.BINARY]))
def test_t13_no_text_is_guessed_at(text: str, shape: Shape) -> None:
    assert shaped(text, shape) == text


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("a,b", ["a", "b"]),
        (" a , b ,", ["a", "b"]),
        ("", []),
        (" , ", []),
        ("a", ["a"]),
        ("0123", ["0123"]),
        ('["a", "b,c"]', ["a", "b,c"]),
        ("  [1, 2]", [1, 2]),
        ("[]", []),
    ],
)
def test_t14_a_list_is_json_or_comma_separated(text: str, items: list[Any]) -> None:
    assert shaped(text, Shape.LIST) == items


@given(st.lists(st.text(alphabet=st.characters(codec="ascii", exclude_characters=",[")).map(str.strip).filter(bool)))
def test_t14_items_with_commas_between_them_come_back(items: list[str]) -> None:
    assert shaped(",".join(items), Shape.LIST) == items


@given(st.recursive(st.text() | st.integers() | st.booleans() | st.none(), st.lists, max_leaves=10).map(lambda x: [x]))
def test_t14_a_json_list_comes_back(items: list[Any]) -> None:
    assert shaped(json.dumps(items), Shape.LIST) == items


@pytest.mark.parametrize(
    ("text", "shape", "words"),
    [
        ("[1,", Shape.LIST, "must be a JSON list or comma-separated: not JSON at line 1, column 4"),
        ("[" * 100_000, Shape.LIST, "must be a JSON list or comma-separated: nested too deeply"),
        (f"[{'9' * 5000}]", Shape.LIST, "must be a JSON list or comma-separated: it has a number that is too long"),
        ("kq7ZvXw2", Shape.OBJECT, "must be a JSON object: not JSON at line 1, column 1"),
        ('{"a":\n}', Shape.OBJECT, "must be a JSON object: not JSON at line 2, column 1"),
        ('["kq7ZvXw2"]', Shape.OBJECT, "must be a JSON object, and is other JSON"),
    ],
)
def test_t14_what_has_not_its_shape_is_told_which_forms_there_are(text: str, shape: Shape, words: str) -> None:
    with pytest.raises(MalformedError) as caught:
        shaped(text, shape)
    assert str(caught.value).startswith(words)


@given(st.text(min_size=8).filter(lambda text: text.strip() == text))
def test_t2_a_decoding_error_holds_nothing_of_the_text(text: str) -> None:
    document = "kq7ZvXw2" + text
    with pytest.raises(MalformedError) as caught:
        shaped(document, Shape.OBJECT)
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None, "the decoder's own error holds the whole document"
    assert_no_canary(f"{error!r} {error} {vars(error)}", document)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("15", timedelta(seconds=15)),
        (" 1.5 ", timedelta(seconds=1.5)),
        ("90d", timedelta(days=90)),
        ("1h30m", timedelta(minutes=90)),
        ("1H 30M", timedelta(minutes=90)),
        ("2w", timedelta(weeks=2)),
        ("250ms", timedelta(milliseconds=250)),
        ("0s", timedelta(0)),
    ],
)
def test_a_duration_is_a_number_with_units(text: str, duration: timedelta) -> None:
    assert shaped(text, Shape.DURATION) == duration


@pytest.mark.parametrize(
    "text",
    ["P90D", "PT1H", "01:30:00", "", "d", "5x", "-5", "5\u017f", "\u0665s", "1e3s", "9" * 400 + "w"],
    ids=["days", "hours", "clock", "empty", "bare unit", "no unit", "negative", "long s", "arabic", "exponent", "huge"],
)
def test_everything_else_is_left_to_pydantic(text: str) -> None:
    assert shaped(text, Shape.DURATION) == text


@given(st.text(alphabet=st.sampled_from("0123456789.smhdwMSHDW \u017f\u0665e-")) | st.text())
def test_no_text_breaks_a_duration(text: str) -> None:
    assert isinstance(shaped(text, Shape.DURATION), str | timedelta)


@given(st.text() | st.text(alphabet=st.sampled_from('[]{},:"0129eE.-+ntf \\u')), st.sampled_from(list(Shape)))
def test_a_text_has_its_shape_or_is_malformed_and_nothing_else(text: str, shape: Shape) -> None:
    try:
        result = shaped(text, shape)
    except MalformedError:
        assert shape in (Shape.LIST, Shape.OBJECT)
        return
    wanted = {Shape.LIST: list, Shape.OBJECT: dict, Shape.DURATION: (str, timedelta)}.get(shape, str)
    assert isinstance(result, wanted)  # type: ignore[arg-type]  # classes, or a tuple of them
