"""From a name in the chain to a provider: through real distributions, importing only what is named."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from estate_config import Code, ConfigurationError, Problem, Settings, load
from estate_config.contract import Context
from estate_config.discovery import build, distribution, find, installed
from tests.doubles import Shelf, estate, spec_of
from tests.leaks import PLAIN, assert_no_canary_in_error

GOOD = """
from pydantic import BaseModel
from estate_config.contract import ProviderSpec
from estate_config.model import Found, Origin, Place

class Options(BaseModel):
    pass

class Drawer:
    def locate(self, key): return Place("drawer " + key.name)
    def fetch(self, keys, deadline): return {key: Found("from the drawer", Origin("drawer", key.name)) for key in keys}
    def close(self): pass

spec = ProviderSpec(name="drawer", title="the drawer", summary="A drawer.", options=Options,
                    build=lambda options, context: Drawer())
"""

Distribute = Callable[..., None]


@pytest.fixture
def distribute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Distribute]:
    """Put distributions on the path: a module, and a dist-info folder whose entry point leads to it."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(package: str, code: str = GOOD, *, name: str = "drawer", version: str = "1.2") -> None:
        (tmp_path / f"{package}.py").write_text(code)
        info = tmp_path / f"{package}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[estate_config.providers]\n{name} = {package}:spec\n")
        installed.cache_clear()

    installed.cache_clear()
    yield make
    for module in set(sys.modules) - before:
        del sys.modules[module]
    installed.cache_clear()


class Service(Settings):
    token: str


def problem_of(call: Callable[[], object]) -> Problem:
    with pytest.raises(ConfigurationError) as caught:
        call()
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    (problem,) = caught.value.problems
    return problem


def test_a_stranger_s_provider_is_found_by_its_entry_point_alone(distribute: Distribute) -> None:
    distribute("my_drawer")
    assert find("drawer").title == "the drawer"
    assert load(Service, config=estate("drawer")).token == "from the drawer"


def test_t21_only_what_is_named_is_imported(distribute: Distribute) -> None:
    distribute("my_drawer")
    distribute("broken_shelf", "raise RuntimeError('imported')", name="shelf")
    assert load(Service, config=estate("drawer")).token == "from the drawer"
    assert "broken_shelf" not in sys.modules


def test_what_is_installed_is_listed_without_importing_it(distribute: Distribute) -> None:
    distribute("broken_shelf", "raise RuntimeError('imported')", name="shelf")
    (point,) = installed()["shelf"]
    assert distribution(point) == "broken_shelf 1.2"
    assert {"env", "dotenv", "files", "fixture"} <= set(installed())
    assert "broken_shelf" not in sys.modules


@pytest.mark.parametrize(
    ("name", "hint"),
    [("drawr", 'did you mean "drawer"?'), ("dotnev", 'did you mean "dotenv"?'), ("zzz", "there is: ")],
)
def test_an_unknown_provider_is_a_problem_with_a_did_you_mean(distribute: Distribute, name: str, hint: str) -> None:
    distribute("my_drawer")
    problem = problem_of(lambda: load(Service, config=estate(name)))
    assert problem.code is Code.PLUGIN
    assert problem.message.startswith(f'no provider called "{name}" is installed')
    assert hint in problem.message
    assert "`estate providers` lists what is there" in problem.fix


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (f"raise RuntimeError('{PLAIN}')", "RuntimeError in <module> (broken.py:1)"),
        ("\n\nimport sys\nsys.exit('no')", "SystemExit in <module> (broken.py:4)"),
        ("def spec(:", "SyntaxError"),
        ("other = 1", "AttributeError"),
    ],
)
def test_t21_a_provider_that_cannot_be_imported_says_why(distribute: Distribute, code: str, why: str) -> None:
    distribute("broken", code)
    with pytest.raises(ConfigurationError) as caught:
        find("drawer")
    (problem,) = caught.value.problems
    assert problem.code is Code.PLUGIN
    assert problem.message.startswith(f'the provider "drawer" of broken 1.2 cannot be imported: {why}')
    assert problem.fix == "upgrade or reinstall broken 1.2"
    assert_no_canary_in_error(caught.value, PLAIN)


def test_a_provider_whose_library_is_missing_says_which(distribute: Distribute) -> None:
    distribute("needy", "import no_such_library_here")
    problem = problem_of(lambda: find("drawer"))
    assert "ModuleNotFoundError" in problem.message
    assert problem.fix == "pip install no_such_library_here"


def test_two_packages_with_one_name_are_a_problem_and_not_a_lottery(distribute: Distribute) -> None:
    distribute("one_drawer")
    distribute("two_drawer")
    problem = problem_of(lambda: find("drawer"))
    assert problem.message == 'two packages offer a provider called "drawer": one_drawer 1.2 and two_drawer 1.2'
    assert problem.fix == "uninstall one of them"


def test_two_distributions_that_lead_to_the_same_spec_are_one_provider(distribute: Distribute, tmp_path: Path) -> None:
    distribute("my_drawer")
    shutil.copytree(tmp_path / "my_drawer-1.2.dist-info", tmp_path / "also_drawer-1.2.dist-info")
    installed.cache_clear()
    assert find("drawer").name == "drawer"


def test_what_is_no_spec_is_a_problem(distribute: Distribute) -> None:
    distribute("odd", "spec = 'no spec'")
    problem = problem_of(lambda: find("drawer"))
    assert problem.message == 'the provider "drawer" of odd 1.2 is no ProviderSpec'
    assert problem.fix == "report it to the makers of odd 1.2"


def test_a_spec_that_calls_itself_otherwise_is_a_problem(distribute: Distribute) -> None:
    distribute("my_drawer", name="cupboard")
    assert problem_of(lambda: find("cupboard")).message == (
        'the provider "cupboard" of my_drawer 1.2 calls itself "drawer"'
    )


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")
    region: str = "x"
    size: int = 1


HERE = Context("here", Path())


def test_t22_a_provider_is_built_from_its_options_and_one_context() -> None:
    seen: list[object] = []

    def make(options: object, context: Context) -> Shelf:
        seen.extend((options, context))
        return Shelf("drawer")

    build(spec_of("drawer", make, options=Options), {"region": "y"}, HERE, "estate.toml")
    assert seen == [Options(region="y"), HERE]


def test_wrong_options_are_a_problem_each_with_the_table_they_stand_in() -> None:
    spec = spec_of("drawer", Shelf("drawer"), options=Options)
    with pytest.raises(ConfigurationError) as caught:
        build(spec, {"regoin": PLAIN, "size": PLAIN, "region": 5}, HERE, "estate.toml")
    table = "estate.toml [providers.drawer]"
    assert {(p.code, p.message) for p in caught.value.problems} == {
        (Code.SCHEMA, f'{table}: regoin is not known; did you mean "region"?'),
        (
            Code.SCHEMA,
            f"{table}: size: input should be a valid integer, unable to parse string as an integer",
        ),
        (Code.SCHEMA, f"{table}: region: input should be a valid string"),
    }
    assert_no_canary_in_error(caught.value, PLAIN)


def test_an_option_that_is_missing_is_named() -> None:
    class Needs(BaseModel):
        url: str

    problem = problem_of(lambda: build(spec_of("drawer", Shelf("drawer"), options=Needs), {}, HERE, "estate.toml"))
    assert (problem.message, problem.fix) == ("estate.toml [providers.drawer]: url is missing", "add url")


@pytest.mark.parametrize("error", [RuntimeError(PLAIN), SystemExit(PLAIN)])
def test_a_provider_that_cannot_be_built_is_a_problem(error: BaseException) -> None:
    def make(options: object, context: Context) -> Shelf:
        raise error

    with pytest.raises(ConfigurationError) as caught:
        build(spec_of("drawer", make), {}, HERE, "estate.toml")
    (problem,) = caught.value.problems
    assert problem.code is Code.PLUGIN
    assert problem.message.startswith(f'the provider "drawer" cannot be built: {type(error).__name__} in ')
    assert problem.fix == "look at its options in estate.toml"
    assert_no_canary_in_error(caught.value, PLAIN)


def test_t23_every_broken_provider_of_a_chain_is_told_at_once(distribute: Distribute) -> None:
    distribute("odd", "spec = 'no spec'")
    with pytest.raises(ConfigurationError) as caught:
        load(Service, config=estate("drawer", "nowhere", "env", providers={"env": {"prefx": "x"}}))
    assert [p.code for p in caught.value.problems] == [Code.PLUGIN, Code.PLUGIN, Code.SCHEMA]
    assert caught.value.info.chain == ("drawer", "nowhere", "env")
