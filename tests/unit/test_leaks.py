"""No value, nor a part of one, in anything that is printed, logged, raised, kept or sent. Canaries on every way."""

from __future__ import annotations

import copy
import dataclasses
import io
import json
import pickle
import pprint
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import (
    BaseModel,
    Field,
    PostgresDsn,
    Secret,
    SecretBytes,
    SecretStr,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import to_json, to_jsonable_python

from estate_config import (
    ConfigurationError,
    Settings,
    explain,
    lazy,
    load,
    secret,
)
from estate_config.redaction import MASK, Hidden, masked
from tests.doubles import Shelf, estate, spec_of
from tests.leaks import PLAIN, assert_no_canary
from tests.unit.conftest import Offer
from tests.unit.ways_to_fail import Token


class Inner(BaseModel):
    password: str = secret()
    url: PostgresDsn = secret()
    code: SecretStr
    level: str = "info"


class Service(Settings):
    text: str = secret()
    dsn: PostgresDsn = secret()
    hidden: SecretStr
    raw: SecretBytes
    wrapped: Secret[list[str]]
    names: list[str] = secret()
    table: dict[str, str] = secret()
    maybe: str | None = secret()
    pair: tuple[SecretStr, ...]
    model: Inner = secret()
    inner: Inner
    untold: str | None = secret(default=None)
    level: str = "info"


def values_with(canary: str) -> dict[str, Any]:
    dsn = f"postgresql://u:{quote(canary, safe='')}@h/d"
    inner = {"password": canary, "url": dsn, "code": canary}
    return {
        "text": canary,
        "dsn": dsn,
        "hidden": canary,
        "raw": canary.encode(),
        "wrapped": [canary],
        "names": [canary],
        "table": {canary: canary},
        "maybe": canary,
        "pair": [canary],
        "model": json.dumps(inner),
        "inner": inner,
    }


@pytest.fixture
def offered(offer: Offer, canary: str) -> Mapping[str, Any]:
    """Offer a provider `safe` that has every value of `Service`, and return a configuration that names it."""
    flat = {**values_with(canary), **{f"inner/{name}": value for name, value in values_with(canary)["inner"].items()}}
    offer(spec_of("safe", Shelf("safe", flat)))
    return estate("safe")


VIEWS: dict[str, Callable[[Any], object]] = {
    "repr": repr,
    "str": str,
    "format": format,
    "%r": lambda s: "%r %s" % (s, s),  # noqa: UP031 - that is what is looked at
    "pprint": pprint.pformat,
    "dict()": dict,
    "model_dump": lambda s: s.model_dump(),
    "model_dump, JSON mode": lambda s: s.model_dump(mode="json"),
    "model_dump, round trip": lambda s: s.model_dump(round_trip=True),
    "model_dump_json": lambda s: s.model_dump_json(),
    "a list of it as JSON": lambda s: TypeAdapter(list[Service]).dump_json([s]),
    "to_json": to_json,
    "to_jsonable_python": to_jsonable_python,
    "its JSON schema": lambda s: type(s).model_json_schema(),
    "its fields": lambda s: type(s).model_fields,
    "a copy": copy.copy,
    "a deep copy": copy.deepcopy,
    "model_copy": lambda s: s.model_copy(),
    "a pickle": lambda s: pickle.dumps(s, 0).decode("latin-1"),
    "its record": lambda s: s.__estate__,
    "explain": explain,
    "explain as JSON": lambda s: explain(s).as_json(),
    "explain as a dict": lambda s: dataclasses.asdict(explain(s)),
    "the nested one": lambda s: s.inner,
    "the nested one's dump": lambda s: s.inner.model_dump(),
    "the nested one's JSON": lambda s: s.inner.model_dump_json(),
    "an error about it": lambda s: s == 5,
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("kind", ["instance", "lazy"])
def test_no_view_of_an_instance_shows_a_secret(offered: Any, canary: str, view: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "estate.toml").write_text('[environments.here]\nchain = ["safe"]\n')
    target: Any = lazy(Service) if kind == "lazy" else Service
    settings = load(target, environment="here")
    assert settings.text == canary
    shown = VIEWS[view](settings)
    assert_no_canary(repr(shown), canary, view)
    assert_no_canary(str(shown), canary, view)


def test_rich_shows_no_secret(offered: Any, canary: str) -> None:
    from rich.console import Console
    from rich.pretty import Pretty

    out = io.StringIO()
    settings = load(Service, config=offered)
    Console(file=out, width=200).print(settings, Pretty(settings, expand_all=True), locals())
    shown = out.getvalue().replace(repr(canary), "")  # the fixture's own value is among the locals
    assert "text='**********'" in shown


def test_a_secret_may_be_asked_for_by_name(offered: Any, canary: str) -> None:
    settings = load(Service, config=offered)
    revealed = settings.model_dump(context={"reveal": True})
    assert (revealed["text"], revealed["hidden"], revealed["inner"]["password"]) == (canary,) * 3
    assert json.loads(settings.model_dump_json(context={"reveal": True}))["text"] == canary
    assert settings.model_dump()["text"].get_secret_value() == canary
    assert settings.model_dump()["untold"] is None
    assert settings.model_dump(mode="json")["text"] == MASK
    assert settings.model_dump(mode="json")["untold"] is None


def test_what_is_no_secret_is_shown(offered: Any) -> None:
    settings = load(Service, config=offered)
    assert "level='info'" in repr(settings)
    assert settings.model_dump()["level"] == "info"


def test_a_default_that_is_secret_is_in_no_schema() -> None:
    class Defaults(BaseModel):
        password: str = secret(default=PLAIN)

    cls: Any = type(
        "Service",
        (Settings,),
        {
            "__annotations__": {"told": str, "hidden": SecretStr, "aliased": SecretStr, "inner": Defaults},
            "told": secret(default=PLAIN),
            "hidden": PLAIN,
            "aliased": Field(PLAIN, alias="THE_ALIAS"),
        },
    )
    for mode in ("validation", "serialization"):
        assert_no_canary(json.dumps(cls.model_json_schema(mode=mode)), PLAIN)
        assert_no_canary(json.dumps(cls.model_json_schema(mode=mode, by_alias=False)), PLAIN)


def test_what_hides_a_value_hides_it() -> None:
    hidden = Hidden(PLAIN)
    assert_no_canary(f"{hidden!r} {hidden} {dir(hidden)}", PLAIN)
    assert hidden.reveal() == PLAIN
    with pytest.raises(TypeError):
        vars(hidden)
    with pytest.raises(TypeError, match="a hidden value is not pickled"):
        pickle.dumps(hidden)
    wrapped = SecretStr(PLAIN)
    assert masked(wrapped) is wrapped
    assert masked(None) is None


@pytest.mark.parametrize("validate", [Token.model_validate, TypeAdapter(Token).validate_python])
def test_pydantic_s_own_ways_in_show_no_input_in_their_words(validate: Callable[[Any], Any], canary: str) -> None:
    with pytest.raises(ValidationError) as caught:
        validate({"token": [canary]})
    assert_no_canary(str(caught.value) + repr(caught.value), canary)


def test_t25_nothing_is_masked_by_searching_for_it(caplog: pytest.LogCaptureFixture, offer: Offer) -> None:
    """T25: a filter that looks for a one-letter password shreds every line. Here, no line ever has a value in it."""

    class Short(Settings):
        token: str = secret()
        level: int

    offer(spec_of("aws", Shelf("aws", {"token": "e", "level": "x"})))
    with pytest.raises(ConfigurationError) as caught:
        load(Short, config=estate("aws"))
    assert "Short cannot start in here: 1 problem." in str(caught.value)
    assert MASK not in str(caught.value) + caplog.text


def test_t3_a_good_load_logs_its_whole_way_and_no_value(
    offered: Any, canary: str, everything_logged: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    load(Service, config=offered)
    logged = everything_logged.getvalue()
    assert "asking safe for " in logged
    assert "Secrets loaded successfully from the safe" in logged
    assert_no_canary(logged, canary, "the log")
    assert capsys.readouterr() == ("", "")
