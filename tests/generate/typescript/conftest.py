"""All schemas of these tests, compiled once, or the reason why there is no Node.js."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.generate.typescript.both import Both
from tests.generate.typescript.nodejs import Loader, Package
from tests.generate.typescript.schemas import SCHEMAS
from tests.leaks import CANARIES, assert_no_canary
from tools.node import node_path
from tools.processes import DidNotStartError


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """A package with the generated files of every schema in it."""
    try:
        node_path()
    except DidNotStartError as error:
        pytest.skip(str(error))
    return Package.of(tmp_path_factory.mktemp("typescript"), SCHEMAS)


@pytest.fixture(scope="session")
def loaders(package: Package) -> Iterator[Callable[[str], Loader]]:
    """What loads a schema, by name. At the end, all that it has printed is searched for canaries."""
    with ExitStack() as stack:
        running: dict[str, Loader] = {}

        def loader(name: str) -> Loader:
            if name not in running:
                running[name] = stack.enter_context(package.running(name))
            return running[name]

        yield loader
        for one in running.values():
            for canary in CANARIES:
                assert_no_canary(one.printed(), canary, "what Node.js printed")


@pytest.fixture
def both(request: pytest.FixtureRequest, loaders: Callable[[str], Loader], tmp_path: Path) -> Both:
    """The schema that the module names in SCHEMA, in both languages, in an empty folder."""
    cls, table = SCHEMAS[request.module.SCHEMA]
    return Both(cls, table, loaders(request.module.SCHEMA), tmp_path)
