"""The provider `dynaconf` on a `Dynaconf` object of the user's."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from dynaconf import Dynaconf

from estate_config.errors import Code
from estate_config.model import Deadline, Failed, Found, Key
from estate_config.testing import assert_no_leak
from tests.providers.dynaconf_support import CANARY, URL, build, error, found, write


class TestObject:
    def object(self, tmp_path: Path, **options: Any) -> Dynaconf:
        return Dynaconf(
            settings_files=[str(tmp_path / "settings.toml")], environments=True, env="production", **options
        )

    def test_it_is_read_as_it_is_with_the_places_that_it_knows(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(
            tmp_path,
            "[default.database]\nurl = 'd'\nhost = 'd'\n[production.database]\nurl = 'p'\ndynaconf_merge = true\n",
        )
        monkeypatch.setenv("MYAPP_DATABASE__PORT", "5432")
        settings = self.object(tmp_path, envvar_prefix="MYAPP", given="g")
        settings.set("later", "l")
        options = {"settings": settings}
        assert found(tmp_path, **options) == ("p", "settings.toml [production] database.url")
        assert found(tmp_path, Key("database/host", "h"), **options) == ("d", "settings.toml [default] database.host")
        assert found(tmp_path, Key("database/port", "p"), **options) == (5432, "MYAPP_DATABASE__PORT")
        assert found(tmp_path, Key("given", "g"), **options) == ("g", "(set_method init_kwargs) given")
        assert found(tmp_path, Key("later", "l"), **options) == ("l", "(set_method undefined) later")

    def test_one_without_environments_has_no_sections(self, tmp_path: Path) -> None:
        write(tmp_path, "database.url = 'u'\n")
        settings = Dynaconf(settings_files=[str(tmp_path / "settings.toml")])
        assert found(tmp_path, settings=settings) == ("u", "settings.toml database.url")

    def test_it_does_not_load_before_the_first_fetch(self, tmp_path: Path) -> None:
        settings = self.object(tmp_path)
        provider = build(tmp_path, settings=settings)
        assert provider.locate(URL).text == "dynaconf: database.url"
        assert provider.inspect([URL]) == []
        assert not settings.configured
        write(tmp_path, "[production]\ndatabase.url = 'u'\n")
        assert provider.fetch([URL], Deadline(5))
        assert settings.configured

    def test_its_templates_are_evaluated_only_if_the_option_says_so(self, tmp_path: Path) -> None:
        write(tmp_path, "[production]\nhost = 'h'\nurl = '@format x:{this.host}'\nlist = ['@format {this.host}']\n")
        settings = self.object(tmp_path)
        url, several = Key("url", "url"), Key("list", "list")
        assert found(tmp_path, url, settings=settings)[0] == "@format x:{this.host}"
        assert found(tmp_path, several, settings=settings)[0] == ["@format {this.host}"]
        assert found(tmp_path, url, settings=settings, evaluate=True)[0] == "x:h"
        assert found(tmp_path, several, settings=settings, evaluate=True)[0] == ["h"]

    def test_t12_it_is_not_reloaded_and_sees_what_its_owner_changes(self, tmp_path: Path) -> None:
        """T12: `reload()` empties it before it fills it."""
        write(tmp_path, "[production]\ndatabase.url = 'old'\n")
        settings = self.object(tmp_path)
        assert found(tmp_path, settings=settings)[0] == "old"
        write(tmp_path, "[production]\ndatabase.url = 'new'\n")
        assert found(tmp_path, settings=settings)[0] == "old"
        settings.reload()
        assert found(tmp_path, settings=settings)[0] == "new"

    def test_one_that_cannot_load_is_told_without_what_it_says(self, tmp_path: Path) -> None:
        write(tmp_path, f"[production]\nx = '{CANARY}\n")
        settings = self.object(tmp_path)
        problem = assert_no_leak(lambda: error(tmp_path, settings=settings), [CANARY])
        assert problem.code is Code.UNAVAILABLE
        assert problem.hint == "cannot be used: the Dynaconf object of `settings` cannot be read (TOMLDecodeError)"

    def test_threads_that_are_the_first_to_read_it_make_it_load_once(self, tmp_path: Path) -> None:
        write(tmp_path, "[production]\ndatabase.url = 'u'\n")
        loads: list[int] = []
        again = threading.Event()

        def post(_: object) -> dict[str, object]:
            loads.append(1)
            if len(loads) > 1:
                again.set()
            again.wait(0.3)  # gives the others the time to begin a second load
            return {}

        provider = build(tmp_path, settings=self.object(tmp_path, post_hooks=[post]))
        values: list[Mapping[Key, Found | Failed]] = []
        start = threading.Barrier(8)

        def read() -> None:
            start.wait(5)
            values.append(provider.fetch([URL], Deadline(5)))

        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert [answer.value for value in values for answer in value.values() if isinstance(answer, Found)] == ["u"] * 8
        assert loads == [1]
