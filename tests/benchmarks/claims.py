"""What we say of our speed, each against the peer who does the same."""

from __future__ import annotations

import os
import tempfile
import timeit
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from dynaconf import Dynaconf
from environs import Env
from pydantic import BaseModel, create_model
from pydantic_settings import BaseSettings

from estate_config import Settings, lazy, load
from tests.benchmarks.measuring import Comparison, in_turn, started, timed

FIELDS = 50
READS = 200_000


def comparisons() -> Iterator[Comparison]:
    """Measure everything; a minute or so."""
    yield importing("import estate_config", "the package alone")
    yield importing("from estate_config import Settings, lazy, secret, setting", "the names that a schema needs")
    yield registering()
    yield reading()
    yield from loading_from_variables()


def importing(ours: str, what: str) -> Comparison:
    medians = in_turn(started(ours), started("import pydantic_settings"), 15)
    limit = 1.10
    return Comparison(f"import: {what}", "pydantic_settings", *medians, limit)


def registering() -> Comparison:
    """What a project's `pytest --collect-only` takes longer with the plug-in, against the 20 ms that it may."""

    def collecting(*words: str) -> Callable[[], float]:
        with_words = ["-q", "--collect-only", "-p", "no:cacheprovider", "--rootdir", ".", "-c", os.devnull, *words]
        code = f"import pytest, os; os.chdir({folder!r}); pytest.main({with_words!r})"
        return started(f"import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()):\n    {code}")

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_it.py").write_text("def test_it(): ...", "utf-8")
        ours, theirs = in_turn(collecting(), collecting("-p", "no:estate_config"), 15)
    return Comparison(
        "what the plug-in adds to pytest --collect-only", "20 milliseconds", max(ours - theirs, 0), 0.02, 1
    )


def reading() -> Comparison:
    class Plain(BaseModel):
        jwt_secret: str = "made-up"

    class Ours(Settings):
        jwt_secret: str

    ready, plain = lazy(Ours), Plain()
    chain = {"default_environment": "e", "environments": {"e": {"chain": ["fixture"]}}}
    load(ready, config={**chain, "providers": {"fixture": {"values": {"jwt_secret": "made-up"}}}})

    def reads(instance: Any) -> float:
        return timeit.timeit("instance.jwt_secret", globals={"instance": instance}, number=READS)

    ours, theirs = in_turn(lambda: reads(ready), lambda: reads(plain), 25)
    return Comparison("read a loaded lazy attribute", "a plain pydantic attribute", ours, theirs, 1.05)


class Environment:
    """Fifty variables that every library reads alike."""

    names: ClassVar[list[str]] = [f"field_{number}" for number in range(FIELDS)]

    def __enter__(self) -> None:
        os.environ.update({name.upper(): "made-up" for name in self.names})

    def __exit__(self, *_: object) -> None:
        for name in self.names:
            del os.environ[name.upper()]


def loading_from_variables() -> Iterator[Comparison]:
    fields: dict[str, Any] = dict.fromkeys(Environment.names, (str, ...))
    ours: Any = create_model("Ours", __base__=Settings, **fields)
    theirs: Any = create_model("Theirs", __base__=BaseSettings, **fields)
    config = {"default_environment": "e", "environments": {"e": {"chain": ["env"]}}}

    def environs() -> None:
        env = Env()
        for name in Environment.names:
            env.str(name.upper())

    def dynaconf() -> None:
        settings = Dynaconf(envvar_prefix=False)
        for name in Environment.names:
            settings[name]

    what = f"load {FIELDS} settings from variables"
    with Environment():
        load_ours = timed(lambda: load(ours, config=config))
        for peer, work in (("pydantic_settings", theirs), ("environs", environs), ("dynaconf", dynaconf)):
            yield Comparison(what, peer, *in_turn(load_ours, timed(work), 15))
