"""No value, nor a part of one, in anything that is printed, logged, raised, kept or sent. Canaries on every way."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import io
import json
import logging
import pickle
import pprint
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
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
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError, to_json, to_jsonable_python
from pydantic_settings import InitSettingsSource

from estate_config import (
    Code,
    ConfigurationError,
    Settings,
    aload,
    explain,
    lazy,
    load,
    load_or_exit,
    secret,
    use,
)
from estate_config.errors import ProviderError
from estate_config.model import Failed, Found, Key, Origin
from estate_config.redaction import MASK, Hidden, masked
from tests.doubles import Hooked, Shelf, estate, spec_of
from tests.leaks import CANARIES, PLAIN, assert_no_canary, assert_no_canary_in_error
from tests.unit.conftest import Offer

# --- what a loaded instance shows ------------------------------------------------------------------------------------


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


@pytest.fixture(params=CANARIES, ids=["plain", "quotes", "lines", "foreign"])
def canary(request: pytest.FixtureRequest) -> str:
    return str(request.param)


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


# --- what an error shows ---------------------------------------------------------------------------------------------


@dataclass
class Way:
    """One way for a load to fail with a canary in its hands."""

    canary: str
    offer: Offer

    def given(self, cls: type[Settings], **values: Any) -> None:
        with use(cls, values):
            load(cls)

    def by(self, cls: type[Settings], hook: Callable[[Sequence[Key], Any], Any]) -> None:
        self.offer(spec_of("stranger", Hooked("stranger", hook)))
        load(cls, config=estate("stranger"))


class Token(Settings):
    token: str = secret()


def a_sibling_is_missing(way: Way) -> None:
    """T1."""

    class Two(Settings):
        token: str = secret()
        other: str

    way.given(Two, token=way.canary)


def it_is_no_dsn(way: Way) -> None:
    class Dsn(Settings):
        dsn: PostgresDsn = secret()

    way.given(Dsn, dsn=f"http://u:{quote(way.canary)}@h/{way.canary}")


def it_is_no_list(way: Way) -> None:
    """T2: the decoder's own error holds the document."""

    class Hosts(Settings):
        hosts: Secret[list[str]]

    way.given(Hosts, hosts=f'["{way.canary}')


def it_is_no_object(way: Way) -> None:
    class Table(Settings):
        table: dict[str, int] = secret()
        same: Inner = secret()

    way.given(Table, table=way.canary, same=json.dumps([way.canary]))


def a_member_is_wrong(way: Way) -> None:
    class Table(Settings):
        table: dict[str, int] = secret()
        inner: Inner = secret()

    document = json.dumps({way.canary: way.canary, "url": way.canary})
    way.given(Table, table=document, inner=document)


def it_breaks_its_constraints(way: Way) -> None:
    class Constrained(Settings):
        short: Annotated[str, Field(max_length=1)] = secret()
        other: Literal["a"] = secret()
        number: int = secret()
        pattern: Annotated[str, Field(pattern="^$")] = secret()
        hidden: Annotated[SecretStr, Field(min_length=99)]

    way.given(Constrained, **dict.fromkeys(("short", "other", "number", "pattern", "hidden"), way.canary))


def a_validator_says_it(way: Way) -> None:
    """T4."""

    class Validated(Settings):
        token: str = secret()
        level: str

        @field_validator("token", "level")
        @classmethod
        def check(cls, value: str, info: Any) -> str:
            raise ValueError(f"{value} {info.data}")

    way.given(Validated, token=way.canary, level="x")


def a_validator_says_it_with_an_error_of_its_own(way: Way) -> None:
    class Validated(Settings):
        token: str = secret()
        level: str

        @field_validator("level")
        @classmethod
        def check(cls, value: str, info: Any) -> str:
            raise PydanticCustomError("mine", "not with {token}", {"token": info.data["token"]})

    way.given(Validated, token=way.canary, level="x")


def a_validator_asserts_it(way: Way) -> None:
    class Validated(Settings):
        token: str = secret()

        @field_validator("token")
        @classmethod
        def check(cls, value: str) -> str:
            assert value == "x", value
            return value

    way.given(Validated, token=way.canary)


def a_validator_breaks(way: Way) -> None:
    class Validated(Settings):
        token: str = secret()

        @field_validator("token")
        @classmethod
        def check(cls, value: str) -> str:
            raise KeyError(value)

    way.given(Validated, token=way.canary)


def the_whole_is_refused(way: Way) -> None:
    class Whole(Settings):
        token: str = secret()

        @model_validator(mode="after")
        def check(self) -> Whole:
            raise ValueError(self.token)

    way.given(Whole, token=way.canary)


def the_whole_breaks_a_nested_one(way: Way) -> None:
    class Whole(Settings):
        inner: Refusing

    way.given(Whole, inner={"password": way.canary})


class Refusing(BaseModel):
    password: str = secret()

    @model_validator(mode="after")
    def check(self) -> Refusing:
        raise TypeError(self.password)


def a_factory_breaks(way: Way) -> None:
    class Made(Settings):
        token: str = secret()
        header: str = Field(default_factory=lambda data: {}[data["token"]])

    way.given(Made, token=way.canary)


def a_template_comes_out_wrong(way: Way) -> None:
    class Built(Settings):
        token: str = secret()
        dsn: PostgresDsn = secret(template="http://u:{token}@h/")

    way.given(Built, token=way.canary)


def a_default_is_wrong(way: Way) -> None:
    cls = type("Wrong", (Settings,), {"__annotations__": {"number": int}, "number": secret(default=way.canary)})
    load(cls, config=estate("fixture"))


def a_provider_raises_it(way: Way) -> None:
    def hook(keys: Any, deadline: Any) -> Any:
        kept = way.canary
        raise RuntimeError(kept)

    way.by(Token, hook)


def a_provider_raises_our_error_from_one_that_has_it(way: Way) -> None:
    """T1: `raise X from e` prints it again."""

    def hook(keys: Any, deadline: Any) -> Any:
        raise ProviderError(Code.UNAVAILABLE, "is down") from RuntimeError(way.canary)

    way.by(Token, hook)


def a_provider_fails_for_one_and_has_the_other(way: Way) -> None:
    class Two(Settings):
        token: str = secret()
        other: str = secret()

    def hook(keys: Any, deadline: Any) -> Any:
        return {keys[0]: Found(way.canary, Origin("stranger", "x")), keys[1]: Failed(Code.DENIED, "no")}

    way.by(Two, hook)


def a_provider_answers_bytes_that_are_no_text(way: Way) -> None:
    value = way.canary.encode() + b"\xff"
    way.by(Token, lambda keys, deadline: {key: Found(value, Origin("stranger", "x")) for key in keys})


def a_provider_answers_it_bare(way: Way) -> None:
    way.by(Token, lambda keys, deadline: dict.fromkeys(keys, way.canary))


def a_provider_answers_what_nobody_asked_for(way: Way) -> None:
    way.by(Token, lambda keys, deadline: {way.canary: way.canary})


def a_provider_cannot_be_built(way: Way) -> None:
    def build(options: Any, context: Any) -> Any:
        raise RuntimeError(options)

    class Options(BaseModel):
        password: str

    way.offer(spec_of("stranger", build, options=Options))
    load(Token, config=estate("stranger", providers={"stranger": {"password": way.canary}}))


def an_option_is_wrong(way: Way) -> None:
    load(Token, config=estate("env", providers={"env": {"password": way.canary, "prefix": [way.canary]}}))


def estate_toml_is_wrong(way: Way) -> None:
    load(Token, config={**estate("fixture", providers={"fixture": {"values": {"token": way.canary}}}), "other": 1})


def a_double_in_estate_toml_is_invalid(way: Way) -> None:
    class Number(Settings):
        number: int = secret()

    values = {"number": way.canary}
    load(Number, config=estate("fixture", "nope", providers={"fixture": {"values": values}}))


def the_file_of_a_variable_cannot_be_read(way: Way) -> None:
    monkeypatch = pytest.MonkeyPatch()
    with monkeypatch.context() as patch:
        patch.setenv("TOKEN_FILE", way.canary.replace("\0", ""))
        load(Token, config=estate("env"))


def a_line_of_dotenv_is_wrong(way: Way) -> None:
    Path(".env").write_text(f"TOKEN {way.canary!r}\n")
    load(Token, config=estate("dotenv"))


def an_override_is_wrong(way: Way) -> None:
    class Number(Settings):
        number: int = secret()

    load(Number, config=estate("fixture"), overrides={"number": way.canary, "nope": way.canary})


def the_class_is_called_with_it(way: Way) -> None:
    class Number(Settings):
        number: int = secret()
        other: str

    Number(number=way.canary, nope=way.canary)  # type: ignore[call-arg, arg-type]  # that is the mistake


def a_swap_names_no_field(way: Way) -> None:
    with use(Token, {"nope": way.canary, "token": {"x": way.canary}}):
        pass


def a_lazy_instance_is_read(way: Way) -> None:
    class Number(Settings):
        number: int = secret()

    settings = lazy(Number)
    with use(Number, {"number": way.canary}):
        _ = settings.number


def a_lazy_instance_is_loaded_anew(way: Way) -> None:
    settings = lazy(Token)
    load(settings, overrides={"token": way.canary}, config=estate("fixture"))
    load(settings, overrides={"token": way.canary, "nope": way.canary}, config=estate("fixture"))


def a_process_ends_with_it(way: Way) -> None:
    load_or_exit(Token, config=estate("fixture"), overrides={"token": way.canary, "nope": way.canary})


def it_is_loaded_off_the_event_loop(way: Way) -> None:
    asyncio.run(aload(Token, config=estate("fixture"), overrides={"nope": way.canary}))


def a_field_is_set(way: Way) -> None:
    with use(Token, {"token": "x"}):
        load(Token).token = way.canary


def a_field_that_is_not_there_is_set(way: Way) -> None:
    with use(Token, {"token": "x"}):
        settings: Any = load(Token)
        settings.tokn = way.canary


def sources_of_the_class_s_own_break(way: Way) -> None:
    class Source(InitSettingsSource):
        def __call__(self) -> Any:
            raise RuntimeError(way.canary)

    def sources(cls: Any, /, settings_cls: Any, **usual: Any) -> Any:
        return (Source(settings_cls, {}),)

    cls = type("Sourced", (Token,), {"settings_customise_sources": classmethod(sources)})
    load(cls, config=estate("fixture"))


def it_is_pickled_with_a_configuration_of_code(way: Way) -> None:
    config = estate("fixture", providers={"fixture": {"values": {"token": way.canary}}})
    pickle.dumps(load(Token, config=config))


WAYS = [
    a_sibling_is_missing,
    it_is_no_dsn,
    it_is_no_list,
    it_is_no_object,
    a_member_is_wrong,
    it_breaks_its_constraints,
    a_validator_says_it,
    a_validator_says_it_with_an_error_of_its_own,
    a_validator_asserts_it,
    a_validator_breaks,
    the_whole_is_refused,
    the_whole_breaks_a_nested_one,
    a_factory_breaks,
    a_template_comes_out_wrong,
    a_default_is_wrong,
    a_provider_raises_it,
    a_provider_raises_our_error_from_one_that_has_it,
    a_provider_fails_for_one_and_has_the_other,
    a_provider_answers_bytes_that_are_no_text,
    a_provider_answers_it_bare,
    a_provider_answers_what_nobody_asked_for,
    a_provider_cannot_be_built,
    an_option_is_wrong,
    estate_toml_is_wrong,
    a_double_in_estate_toml_is_invalid,
    the_file_of_a_variable_cannot_be_read,
    a_line_of_dotenv_is_wrong,
    an_override_is_wrong,
    the_class_is_called_with_it,
    a_swap_names_no_field,
    a_lazy_instance_is_read,
    a_lazy_instance_is_loaded_anew,
    a_process_ends_with_it,
    it_is_loaded_off_the_event_loop,
    a_field_is_set,
    a_field_that_is_not_there_is_set,
    sources_of_the_class_s_own_break,
    it_is_pickled_with_a_configuration_of_code,
]


@pytest.fixture
def everything_logged() -> Iterator[io.StringIO]:
    """Log everything of everybody, with all that a record holds."""
    out = io.StringIO()

    class Everything(logging.StreamHandler[io.StringIO]):
        def emit(self, record: logging.LogRecord) -> None:
            super().emit(record)
            out.write(repr(vars(record)))

    handler, root = Everything(out), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield out
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_way_to_fail_gives_a_secret_away(
    way: Callable[[Way], None],
    canary: str,
    offer: Offer,
    everything_logged: io.StringIO,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """T1, T2, T3, T4: messages, causes, contexts, notes, attributes, locals, logs, pickles, what is printed."""
    kinds = (ConfigurationError, AttributeError, TypeError, SystemExit)
    with pytest.raises(kinds) as caught:
        way(Way(canary, offer))
    assert_no_canary_in_error(caught.value, canary)
    out, err = capsys.readouterr()
    assert_no_canary(out + err, canary, "what is printed")
    assert_no_canary(everything_logged.getvalue(), canary, "the log")
    error = caught.value
    if isinstance(error, ConfigurationError):
        assert error.__cause__ is None
        assert error.__context__ is None
        shown = [error.as_text(), error.as_text(color=True), json.dumps(error.as_json()), repr(vars(error))]
        shown += [repr(dataclasses.asdict(problem)) for problem in (*error.problems, *error.warnings)]
        assert_no_canary("\n".join(shown), canary, "the report")


def test_t3_a_good_load_logs_its_whole_way_and_no_value(
    offered: Any, canary: str, everything_logged: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    load(Service, config=offered)
    logged = everything_logged.getvalue()
    assert "asking safe for " in logged
    assert "Secrets loaded successfully from the safe" in logged
    assert_no_canary(logged, canary, "the log")
    assert capsys.readouterr() == ("", "")


def test_nothing_of_a_failed_load_stays_in_memory_that_we_own(canary: str) -> None:
    class Number(Settings):
        number: int = secret()

    with pytest.raises(ConfigurationError), use(Number, {"number": canary}):
        load(Number)
    kept = [repr(vars(module)) for name, module in sys.modules.items() if name.startswith("estate_config.")]
    assert_no_canary("\n".join(kept), canary, "a module")
