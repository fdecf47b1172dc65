"""From a service's name to its schema; what is wrong with one stays its own problem, and says where."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from estate_config import Code, ConfigurationError, services
from estate_config.environments import Estate, read
from estate_config.errors import Asked
from estate_config.model import Deadline, Found, Key, Origin, Place
from estate_config.services import attempted, attempted_at_once, examined, live, schema_of
from estate_config.settings import is_lazy, record_of
from tests.doubles import Hooked, Shelf, spec_of
from tests.leaks import PLAIN, assert_no_canary, assert_no_canary_in_error
from tests.unit.conftest import Offer

SCHEMA = """
from estate_config import Settings, lazy, secret, setting

class AiSettings(Settings):
    key: str = secret("openai/key")
    workers: int = setting(default=2)

settings = lazy(AiSettings)
"""

Listed = Callable[..., Estate]


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offer: Offer) -> Iterator[Listed]:
    """Write an estate with a service `ai`, and its module, into the folder that the tests run in."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    offer(spec_of("here", Shelf("here", {"openai/key": "k"})))

    def make(code: str = SCHEMA, target: str = "schemas:AiSettings", chain: str = "here") -> Estate:
        (tmp_path / "schemas.py").write_text(code, "utf-8")
        (tmp_path / "estate.toml").write_text(
            f'[services]\nai = "{target}"\n[environments.here]\nchain = ["{chain}"]\n', "utf-8"
        )
        return read()

    yield make
    for name in set(sys.modules) - before:
        del sys.modules[name]


def words(estate: Estate) -> tuple[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        schema_of(estate, "ai")
    assert caught.value.info.service == "ai"
    (problem,) = caught.value.problems
    assert problem.code is Code.SCHEMA
    return problem.message.removeprefix("estate.toml [services] ai: "), problem.fix


def test_the_class_that_is_listed_is_found(listed: Listed) -> None:
    assert schema_of(listed(), "ai").__name__ == "AiSettings"


@pytest.mark.parametrize("target", ["schemas", "schemas:", ":AiSettings", ""])
def test_a_target_of_another_form_is_said(listed: Listed, target: str) -> None:
    assert words(listed(target=target)) == (f"{target!r} is not of the form module:Class", "write it as module:Class")


def test_a_module_that_is_not_there_is_said(listed: Listed) -> None:
    message, fix = words(listed(target="scemas.ai:AiSettings"))
    assert message == "there is no module scemas"
    assert "folder" in fix


def test_a_submodule_that_is_not_there_is_said(listed: Listed, tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    assert words(listed(target="package.settings:AiSettings"))[0] == "there is no module package.settings"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import nowhere_to_be_found\n", "ModuleNotFoundError in schemas.py:1"),
        ("\n\nx = 1 / 0\n", "ZeroDivisionError in schemas.py:3"),
        ("\nx = = 1\n", "SyntaxError in schemas.py:2"),
        ("def f():\n    raise ValueError\n\nf()\n", "ValueError in schemas.py:2"),
        ("import sys\nsys.exit(3)\n", "SystemExit in schemas.py:2"),
        (f"raise ValueError({PLAIN!r})\n", "ValueError in schemas.py:1"),
        ("import json\n\njson.loads('{')\n", "JSONDecodeError in schemas.py:3"),
        ("from estate_config import secret\n\nsecret(default=1, default_factory=int)\n", "TypeError in schemas.py:3"),
        ("class E(Exception):\n    pass\n\nexec('raise E')\n", "E in <string>:1"),
    ],
)
def test_a_module_that_cannot_be_imported_is_said_with_its_line(listed: Listed, code: str, said: str) -> None:
    message, fix = words(listed(code))
    assert message == f"schemas cannot be imported: {said}"
    assert fix
    assert_no_canary(message + fix, PLAIN)


def test_what_a_module_needs_and_is_not_installed_is_named(listed: Listed) -> None:
    assert words(listed("import nowhere_to_be_found\n"))[1] == "pip install what has the module nowhere_to_be_found"


def test_an_error_of_the_import_machinery_is_said_too(listed: Listed) -> None:
    assert "cannot be imported: TypeError in import_module" in words(listed(target=".relative:AiSettings"))[0]


def test_a_folder_that_is_gone_does_not_hinder_the_words(
    listed: Listed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = listed("raise ValueError\n")
    monkeypatch.setattr(os.path, "relpath", lambda path: (_ for _ in ()).throw(FileNotFoundError))
    assert words(found)[0] == f"schemas cannot be imported: ValueError in {tmp_path}/schemas.py:1"


def test_what_is_wrong_with_the_schema_is_said_as_ever(listed: Listed) -> None:
    found = listed(
        "from estate_config import Settings, secret\nclass AiSettings(Settings):\n    a: str = secret('/')\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        schema_of(found, "ai")
    assert [(problem.field, problem.message) for problem in caught.value.problems] == [
        ("a", "'/' is not a logical name")
    ]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("schemas:AiSetings", 'schemas has no AiSetings; did you mean "AiSettings"?'),
        ("schemas:secret", "schemas has secret, which is no Settings class; there is: AiSettings"),
        ("schemas:Settings", 'schemas has Settings, which is no Settings class; did you mean "AiSettings"?'),
        ("schemas:settings", "schemas:settings is an instance"),
    ],
)
def test_what_is_no_schema_is_said(listed: Listed, target: str, said: str) -> None:
    message, fix = words(listed(target=target))
    assert message == said
    assert fix in ("correct estate.toml [services] ai", "name its class: schemas:AiSettings")


def test_what_a_module_prints_is_not_on_stdout(listed: Listed, capsys: pytest.CaptureFixture[str]) -> None:
    schema_of(listed(f"print('hello')\n{SCHEMA}"), "ai")
    assert capsys.readouterr() == ("", "hello\n")


def test_an_import_error_carries_nothing_along(listed: Listed) -> None:
    estate = listed(f"secret = {PLAIN!r}\nraise ValueError(secret)\n")
    with pytest.raises(ConfigurationError) as caught:
        schema_of(estate, "ai")
    assert_no_canary_in_error(caught.value, PLAIN)


# --- one try ---------------------------------------------------------------------------------------------------------


def test_a_service_is_loaded_under_its_listed_name(listed: Listed) -> None:
    found = listed(f"{SCHEMA}\nclass Other(AiSettings): pass\n", target="schemas:Other")
    attempt, instance = attempted(found, "ai", found.choose("here"))
    assert (attempt.info.service, attempt.info.environment, attempt.problems) == ("ai", "here", [])
    assert instance is not None
    assert vars(instance) == {"key": "k", "workers": 2}


def test_a_service_that_cannot_be_loaded_has_problems_and_no_instance(listed: Listed, offer: Offer) -> None:
    found = listed()
    offer(spec_of("here", Shelf("here")))
    attempt, instance = attempted(found, "ai", found.choose("here"))
    assert instance is None
    assert [(problem.field, problem.code) for problem in attempt.problems] == [("key", "MISSING")]


def test_a_service_that_cannot_be_imported_is_an_attempt_too(listed: Listed) -> None:
    found = listed("1/0\n")
    attempt, instance = attempted(found, "ai", found.choose("here"))
    assert instance is None
    assert (attempt.info.service, attempt.info.environment, attempt.info.config) == ("ai", "here", "estate.toml")
    assert [problem.code for problem in attempt.problems] == ["SCHEMA"]


def test_one_to_be_watched_is_lazy_and_has_the_name_that_was_asked_for(listed: Listed) -> None:
    found = listed()
    both = found.table.model_copy(update={"services": {"ai": "schemas:AiSettings", "worker": "schemas:AiSettings"}})
    instance = live(replace(found, table=both), "worker", found.choose("here"))
    record = record_of(instance)
    assert record is not None
    assert (is_lazy(instance), record.info.service, vars(instance)) == (True, "worker", {"key": "k", "workers": 2})


def test_one_to_be_watched_that_cannot_be_loaded_raises_all_that_is_wrong(listed: Listed, offer: Offer) -> None:
    found = listed()
    offer(spec_of("here", Shelf("here")))
    with pytest.raises(ConfigurationError) as caught:
        live(found, "ai", found.choose("here"))
    assert [(problem.field, problem.code) for problem in caught.value.problems] == [("key", "MISSING")]


# --- offline ---------------------------------------------------------------------------------------------------------


def test_an_examination_asks_nobody(listed: Listed, offer: Offer) -> None:
    shelf = Shelf("here")
    found = listed()
    offer(spec_of("here", shelf))
    attempt = examined(found, "ai", [found.choose("here"), found.choose("test")])
    assert (attempt.problems, attempt.info.environment) == ([], "here, test")
    assert shelf.asked == []


def test_an_examination_names_the_environments_with_something_wrong(listed: Listed) -> None:
    found = listed(chain="hera")
    attempt = examined(found, "ai", [found.choose("here"), found.choose("test")])
    assert attempt.info.environment == "here"
    (problem,) = attempt.problems
    assert problem.message == 'no provider called "hera" is installed; did you mean "here"?'


def test_what_is_wrong_with_the_class_is_said_once_for_all_environments(listed: Listed) -> None:
    found = listed("1/0\n")
    attempt = examined(found, "ai", [found.choose("here"), found.choose("test")])
    assert len(attempt.problems) == 1
    assert attempt.info.environment == "here, test"


def test_options_are_examined(listed: Listed, tmp_path: Path) -> None:
    listed(chain="env")
    with (tmp_path / "estate.toml").open("a", encoding="utf-8") as file:
        file.write('[providers.env]\nprefx = "A_"\n')
    found = read()
    (problem,) = examined(found, "ai", [found.choose("here")]).problems
    assert problem.message == 'estate.toml [providers.env]: prefx is not known; did you mean "prefix"?'


class Unreadable(Shelf):
    def locate(self, key: Key) -> Place:
        return replace(super().locate(key), wrong=f"{key.name} is no address here")


def test_what_a_provider_calls_unreadable_is_a_problem_and_nobody_is_asked(listed: Listed, offer: Offer) -> None:
    shelf = Unreadable("here")
    found = listed()
    offer(spec_of("here", shelf, secrets_only=True))
    attempt = examined(found, "ai", [found.choose("here"), found.choose("test")])
    (problem,) = attempt.problems
    assert (problem.field, problem.code, problem.message) == ("key", Code.SCHEMA, "openai/key is no address here")
    assert (problem.places, problem.fix) == ((Asked("here", "here:openai/key", "not asked"),), "put openai/key on here")
    assert attempt.info.environment == "here"
    assert shelf.asked == []


MANY = """
from pydantic import field_validator
from estate_config import Settings, secret

print("a module that prints")

class Ai(Settings):
    key: str = secret("openai/key")

class Etl(Ai):
    url: str = secret("database/url")

class Hanging(Ai):
    @field_validator("key")
    @classmethod
    def waits(cls, value: str) -> str:
        import threading
        threading.Event().wait()
        return value
"""


def several(services: str, chain: str, deadline: float = 15) -> Estate:
    text = f'[services]\n{services}\n[environments.here]\nchain = ["{chain}"]\ndeadline = {deadline}\n'
    Path("estate.toml").write_text(text, "utf-8")
    return read()


def test_services_are_tried_at_the_same_time_and_come_back_in_order(
    listed: Listed, offer: Offer, capsys: pytest.CaptureFixture[str]
) -> None:
    together = threading.Barrier(2, timeout=10)

    def fetch(keys: Sequence[Key], deadline: Deadline) -> dict[Key, Found]:
        together.wait()  # nobody gets past it alone
        return {key: Found("k", Origin("store", key.name)) for key in keys if key.name == "openai/key"}

    offer(spec_of("store", Hooked("store", fetch)))
    listed(MANY)
    found = several('etl = "schemas:Etl"\ngone = "gone:Gone"\nai = "schemas:Ai"', chain="store")
    attempts = attempted_at_once(found, ["etl", "gone", "ai"], found.choose("here"))
    assert [(one.info.service, [problem.code for problem in one.problems]) for one in attempts] == [
        ("etl", [Code.MISSING]),
        ("gone", [Code.SCHEMA]),
        ("ai", []),
    ]
    assert capsys.readouterr().out == ""


def test_a_service_that_does_not_end_is_a_problem_of_its_own(listed: Listed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_VALIDATING", 0)
    listed(MANY)
    found = several('hanging = "schemas:Hanging"\nai = "schemas:Ai"', chain="here", deadline=1)
    hanging, ai = attempted_at_once(found, ["hanging", "ai"], found.choose("here"))
    assert [problem.message for problem in hanging.problems] == ["did not end within 1 seconds: a validator hangs"]
    assert ai.problems == []
