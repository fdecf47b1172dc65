"""The provider `dynaconf`: sections, files and merges, as dynaconf itself has them."""

from __future__ import annotations

import copy
import json
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from dynaconf import Dynaconf
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from estate_config import Settings, load
from estate_config.errors import ProviderError
from estate_config.model import Deadline, Found, Key
from tests.providers.dynaconf_support import CANARY, ESTATE, URL, build, fetch, found, write


class TestLayers:
    def test_the_own_section_goes_over_default_and_global_over_both(self, tmp_path: Path) -> None:
        write(tmp_path, "[default]\na = 1\nb = 1\nc = 1\n[production]\nb = 2\nc = 2\n[global]\nc = 3\n")
        assert [found(tmp_path, Key(name, name)) for name in "abc"] == [
            (1, "settings.toml [default] a"),
            (2, "settings.toml [production] b"),
            (3, "settings.toml [global] c"),
        ]

    def test_later_files_go_over_earlier_ones_and_local_ones_over_all(self, tmp_path: Path) -> None:
        for name, text in {
            "settings.toml": "a = 1\nb = 1\nc = 1\nd = 1",
            ".secrets.yaml": "production:\n  b: 2\n  c: 2\n  d: 2",
            "settings.local.toml": "c = 3\nd = 3",
            ".secrets.local.yaml": "production:\n  d: 4",
        }.items():
            write(tmp_path, text if "production" in text else f"[production]\n{text}", name)
        files = ["settings.toml", ".secrets.yaml"]
        assert [found(tmp_path, Key(name, name), files=files) for name in "abcd"] == [
            (1, "settings.toml [production] a"),
            (2, ".secrets.yaml [production] b"),
            (3, "settings.local.toml [production] c"),
            (4, ".secrets.local.yaml [production] d"),
        ]

    def test_t19_the_sections_of_other_environments_are_not_there(self, tmp_path: Path) -> None:
        write(tmp_path, f"[development]\ndatabase.url = '{CANARY}'\n[production]\nx = 1\n")
        provider = build(tmp_path)
        assert provider.fetch([URL], Deadline(5)) == {}
        layered = provider._from_files()
        assert not isinstance(layered, ProviderError)
        assert CANARY not in repr(dict(layered.settings.store)) + repr([layer.table for layer in layered.layers])

    def test_the_environment_is_that_of_the_estate_unless_the_option_says_otherwise(self, tmp_path: Path) -> None:
        write(tmp_path, "[production]\ndatabase.url = 'p'\n[prod-eu]\ndatabase.url = 'e'\n")
        assert found(tmp_path)[0] == "p"
        assert found(tmp_path, environment="prod-eu") == ("e", "settings.toml [prod-eu] database.url")

    def test_files_may_have_no_sections(self, tmp_path: Path) -> None:
        write(tmp_path, "production = 'x'\n[database]\nurl = 'u'\n")
        assert found(tmp_path, environment=False) == ("u", "settings.toml database.url")

    def test_files_lie_in_the_root(self, tmp_path: Path) -> None:
        (tmp_path / "config").mkdir()
        write(tmp_path, "[production]\ndatabase.url = 'u'\n", "config/settings.toml")
        assert found(tmp_path, root="config") == ("u", "config/settings.toml [production] database.url")
        assert found(Path(), root=tmp_path, files=["config/settings.toml"])[1].startswith(f"{tmp_path}/config/")

    def test_t20_a_table_replaces_the_one_below_unless_it_says_that_it_merges(self, tmp_path: Path) -> None:
        """T20: dynaconf's own rule, and no other."""
        below = "[default.database]\nurl = 'd'\npassword = 'd'\n[production.database]\nurl = 'p'\n"
        password = Key("database/password", "password")
        write(tmp_path, below)
        assert set(fetch(tmp_path, URL, password)) == {URL}
        write(tmp_path, f"{below}dynaconf_merge = true\n")
        assert found(tmp_path)[1] == "settings.toml [production] database.url"
        assert found(tmp_path, password) == ("d", "settings.toml [default] database.password")

    def test_t20_a_leaf_that_a_table_has_lost_is_asked_of_the_next_provider(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """T20: the estate merges leaf by leaf."""

        class Database(BaseModel):
            url: SecretStr
            password: SecretStr

        class AiSettings(Settings):
            database: Database

        write(tmp_path, "[default.database]\nurl = 'd'\npassword = 'd'\n[production.database]\nurl = 'p'\n")
        write(tmp_path, ESTATE, "estate.toml")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("DATABASE_PASSWORD", "from env")
        settings = load(AiSettings, environment="production")
        assert settings.database.url.get_secret_value() == "p"
        assert settings.database.password.get_secret_value() == "from env"

    def test_t12_a_reader_sees_one_state_of_a_file_never_half_of_each(self, tmp_path: Path) -> None:
        """T12: every fetch reads anew, and nothing is reloaded in place."""
        keys = [Key(f"k{number}", f"k{number}") for number in range(20)]

        def put(value: int) -> None:
            write(tmp_path, "[production]\n" + "".join(f"{key.name} = {value}\n" for key in keys), "next.toml")
            (tmp_path / "next.toml").replace(tmp_path / "settings.toml")

        put(0)
        provider, seen, torn = build(tmp_path), set(), []
        done, limit = threading.Event(), Deadline(20)

        def read() -> None:
            while not done.is_set():
                answers = provider.fetch(keys, Deadline(5)).values()
                values = {answer.value for answer in answers if isinstance(answer, Found)}
                torn.append(values) if len(values) != 1 or len(answers) != 20 else seen.update(values)

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        try:
            value = 0
            while value < 60 or (len(seen) < 2 and limit.remaining()):
                put(value := value + 1)
                now = provider.fetch(keys, Deadline(5)).values()
                assert {answer.value for answer in now if isinstance(answer, Found)} == {value}
        finally:
            done.set()
        for reader in readers:
            reader.join(10)
        assert torn == []
        assert len(seen) > 1  # they have read while it was written


LEAVES = st.one_of(st.text(max_size=5), st.integers(), st.booleans(), st.lists(st.integers(), max_size=2))
NAMES = st.sampled_from(["database", "Cache", "url", "PORT"])
TABLES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.dictionaries(NAMES, inner, max_size=3).flatmap(
        lambda table: st.sampled_from([table, {**table, "dynaconf_merge": True}] if table else [table])
    ),
    max_leaves=6,
)
DOCUMENTS = st.dictionaries(
    st.sampled_from(["default", "production", "global"]), st.dictionaries(NAMES, TABLES, max_size=3), max_size=3
)


class TestAsDynaconf:
    @given(st.lists(DOCUMENTS, min_size=1, max_size=3))
    def test_the_values_are_those_that_dynaconf_itself_would_give(self, documents: list[Any]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / f"settings{number}.json" for number in range(len(documents))]
            for file, document in zip(files, documents, strict=True):
                file.write_text(json.dumps(document))
            theirs = Dynaconf(
                settings_files=[str(file) for file in files],
                environments=True,
                FORCE_ENV_FOR_DYNACONF="production",
                AUTO_CAST_FOR_DYNACONF=False,
                LOADERS_FOR_DYNACONF=[],
            ).as_dict()
            names = ["database", "cache", "url", "port"]
            answers = fetch(Path(folder), *(Key(name, name) for name in names), files=[file.name for file in files])
        ours = {key.name.upper(): answer.value for key, answer in answers.items() if isinstance(answer, Found)}
        assert len(ours) == len(answers)
        assert ours == {name: theirs[name] for name in map(str.upper, names) if name in theirs}


def test_a_document_is_left_as_it_was_read() -> None:
    """dynaconf merges into what it is given: where a value stood could not be told afterwards."""
    from estate_config_providers.dynaconf.layering import layer

    documents: dict[str, Any] = {"a": {"default": {"t": {"x": 1}}, "production": {"t": {"dynaconf_merge": True}}}}
    before = copy.deepcopy(documents)
    layer(documents, "production", evaluate=False)
    assert documents == before
