"""`estate.toml`: what it may say, who chooses the environment, and a clear problem for everything that is wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from estate_config import Code, ConfigurationError, Settings, load
from estate_config.environments import DEADLINE, ChainEntry, Estate, read
from tests.doubles import estate
from tests.leaks import PLAIN, assert_no_canary_in_error

GOOD = """
environment_variables = ["ESTATE_ENV", "NODE_ENV"]
default_environment = "development"

[services]
ai = "services.ai.settings:AiSettings"

[environments.development]
chain = ["env", "dotenv"]
[environments.production]
chain = ["env", { provider = "aws", on_unavailable = "next", on_throttled = "next" }]
deadline = 30
[environments.production.providers.aws]
prefix = "production/"

[providers.aws]
region = "ap-northeast-2"
prefix = "estate/"
"""


def problem(config: Any = None) -> tuple[str, str]:
    """Return the message and the fix of the one problem that reading or choosing raises."""
    with pytest.raises(ConfigurationError) as caught:
        read(config).choose()
    (found,) = caught.value.problems
    assert (found.code, found.field) == (Code.SCHEMA, "")
    assert caught.value.__context__ is None
    return found.message, found.fix


def written(text: str | bytes, name: str = "estate.toml") -> Path:
    path = Path(name)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


class TestChoosing:
    @pytest.fixture
    def estate(self) -> Estate:
        written(GOOD)
        return read()

    def test_the_default_stands_where_nothing_else_is_said(self, estate: Estate) -> None:
        chosen = estate.choose()
        assert (chosen.name, [str(entry) for entry in chosen.chain]) == ("development", ["env", "dotenv"])
        assert chosen.deadline == DEADLINE

    def test_the_first_variable_that_is_set_wins(self, estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NODE_ENV", "production")
        assert estate.choose().name == "production"
        monkeypatch.setenv("ESTATE_ENV", "development")
        assert estate.choose().name == "development"

    def test_an_empty_variable_says_nothing(self, estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ESTATE_ENV", "")
        monkeypatch.setenv("NODE_ENV", "production")
        assert estate.choose().name == "production"

    def test_node_env_is_honoured_only_where_the_file_lists_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NODE_ENV", "production")
        written(GOOD.replace(', "NODE_ENV"', ""))
        assert read().choose().name == "development"

    def test_the_call_goes_before_the_variables(self, estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ESTATE_ENV", "development")
        assert estate.choose("production").name == "production"

    def test_estate_chain_has_no_effect_the_chain_is_reviewed_data(
        self, estate: Estate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ESTATE_CHAIN", "fixture")
        assert [entry.provider for entry in estate.choose().chain] == ["env", "dotenv"]

    def test_t19_an_environment_s_own_options_overlay_the_shared_ones_and_no_other_s_are_in_them(
        self, estate: Estate
    ) -> None:
        assert estate.choose("production").providers["aws"] == {"region": "ap-northeast-2", "prefix": "production/"}
        assert estate.choose("development").providers["aws"] == {"region": "ap-northeast-2", "prefix": "estate/"}

    def test_an_entry_names_the_failures_that_it_passes_over(self, estate: Estate) -> None:
        entry = estate.choose("production").chain[1]
        assert entry.next_on == {Code.UNAVAILABLE, Code.THROTTLED}
        assert str(entry) == "aws (on_throttled = next, on_unavailable = next)"

    def test_no_failure_is_passed_over_unless_it_is_named(self) -> None:
        assert ChainEntry(provider="aws").next_on == frozenset()

    @pytest.mark.parametrize(
        "rule", ["no_value", "deleted", "denied", "kms", "unavailable", "throttled", "credentials", "malformed"]
    )
    def test_every_failure_of_a_provider_may_be_named(self, rule: str) -> None:
        entry = ChainEntry.model_validate({"provider": "aws", f"on_{rule}": "next"})
        assert entry.next_on == {Code(rule.upper())}

    def test_the_environment_test_is_there_and_takes_values_from_tests_alone(self, estate: Estate) -> None:
        assert [str(entry) for entry in estate.choose("test").chain] == ["fixture"]

    def test_the_file_may_have_a_test_environment_of_its_own(self) -> None:
        config = {"environments": {"test": {"chain": ["env"]}}}
        assert [str(entry) for entry in read(config).choose("test").chain] == ["env"]

    def test_an_unknown_environment_is_a_problem_that_says_who_asked_and_what_there_is(
        self, estate: Estate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NODE_ENV", "prodution")
        message, fix = problem()
        assert message == (
            'estate.toml: there is no environment "prodution", asked for by NODE_ENV; did you mean "production"?'
        )
        assert fix == "add [environments.prodution] to estate.toml, or name one that is there"

    def test_an_unknown_environment_of_the_call(self, estate: Estate) -> None:
        with pytest.raises(
            ConfigurationError, match='"qa", asked for by the call; there is: development, production, test'
        ):
            estate.choose("qa")

    def test_an_unknown_default(self) -> None:
        message, _ = problem({**estate("env"), "default_environment": "hare"})
        assert 'no environment "hare", asked for by default_environment; did you mean "here"?' in message

    def test_nothing_says_which(self) -> None:
        message, fix = problem({"environments": {"production": {"chain": ["env"]}}})
        assert "no variable is set (ESTATE_ENV), and there is no default" in message
        assert "set one of them, or default_environment" in fix

    def test_nothing_says_which_and_nothing_could(self) -> None:
        message, _ = problem({"environment_variables": [], "environments": {"a": {"chain": ["env"]}}})
        assert "(none are listed)" in message


class TestWhichFile:
    def test_without_any_file_there_is_development_with_env_and_dotenv(self, tmp_path: Path) -> None:
        found = read()
        assert found.source == f"no estate.toml in {tmp_path}"
        assert [str(entry) for entry in found.choose().chain] == ["env", "dotenv"]

    def test_without_any_file_production_is_not_taken_for_development(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ESTATE_ENV", "production")
        assert 'there is no environment "production"' in problem()[0]

    def test_t16_there_is_no_walking_up_the_tree(self, monkeypatch: pytest.MonkeyPatch) -> None:
        written(GOOD)
        Path("below").mkdir()
        monkeypatch.chdir("below")
        assert read().source.startswith("no estate.toml in ")

    def test_t16_which_file_was_used_is_said(self) -> None:
        written(GOOD)

        class Service(Settings):
            token: str

        with pytest.raises(ConfigurationError) as caught:
            load(Service)
        assert caught.value.info.config == "estate.toml"
        assert "from estate.toml" in str(caught.value)

    def test_estate_config_names_the_file_and_its_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "conf").mkdir()
        written(GOOD, "conf/other.toml")
        monkeypatch.setenv("ESTATE_CONFIG", "conf/other.toml")
        found = read()
        assert (found.source, found.folder) == ("conf/other.toml", tmp_path / "conf")

    def test_the_call_goes_before_estate_config(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ESTATE_CONFIG", "missing.toml")
        assert read(written(GOOD, "mine.toml")).source == "mine.toml"

    def test_the_table_may_live_in_pyproject(self) -> None:
        written(
            '[tool.estate]\ndefault_environment = "d"\n[tool.estate.environments.d]\nchain = ["env"]', "pyproject.toml"
        )
        found = read()
        assert (found.source, found.choose().name) == ("pyproject.toml [tool.estate]", "d")

    @pytest.mark.parametrize("text", ["", "[tool]", "[tool.other]\nx = 1", "tool = 5"])
    def test_a_pyproject_without_the_table_says_nothing(self, text: str) -> None:
        written(text, "pyproject.toml")
        assert read().source.startswith("no estate.toml in ")

    def test_a_pyproject_that_is_named_must_have_the_table(self) -> None:
        message, fix = problem(written("[tool]", "pyproject.toml"))
        assert message == "pyproject.toml has no table [tool.estate]"
        assert "add the table, or name another file in ESTATE_CONFIG" in fix

    def test_a_pyproject_that_is_named_and_has_the_table(self) -> None:
        text = '[tool.estate.environments.d]\nchain = ["env"]'
        assert read(written(text, "pyproject.toml")).choose("d").name == "d"

    def test_estate_toml_goes_before_pyproject(self) -> None:
        written("[tool.estate]\nbroken = 1", "pyproject.toml")
        written(GOOD)
        assert read().source == "estate.toml"

    def test_a_service_is_known_by_the_name_the_file_gives_it(self) -> None:
        class Service(Settings):
            pass

        config = estate("env", services={"ai": f"{Service.__module__}:{Service.__qualname__}"})
        assert read(config).service_of(Service) == "ai"
        assert read(estate("env")).service_of(Service) == "Service"


class TestWhatIsWrong:
    """Every bad file is one clear problem, or one for each thing that is wrong in it."""

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("[environments", "estate.toml is not TOML: "),
            ("a = 1\na = 2", "estate.toml is not TOML: "),
            (b"a = '\xff'", "estate.toml is not text in UTF-8"),
            ("a = " + "[" * 5000, "estate.toml is not TOML that can be read"),
            ("a = " + "1" * 5000, "estate.toml is not TOML that can be read"),
            ("", "estate.toml: environments is missing"),
            ("environment = 1\n" + GOOD, 'estate.toml: environment is not known; did you mean "environments"?'),
            (
                GOOD.replace("deadline =", "dedline ="),
                'estate.toml: environments.production.dedline is not known; did you mean "deadline"?',
            ),
            (
                GOOD.replace("on_throttled", "on_trottled"),
                'estate.toml: environments.production.chain.1.on_trottled is not known; did you mean "on_throttled"?',
            ),
            (
                GOOD.replace('on_throttled = "next"', 'on_throttled = "nxt"'),
                "estate.toml: environments.production.chain.1.on_throttled: input should be 'next' or 'stop'",
            ),
            (
                GOOD.replace('["env", "dotenv"]', '"env"'),
                "estate.toml: environments.development.chain: input should be a valid list",
            ),
            (
                GOOD.replace('["env", "dotenv"]', "[]"),
                "estate.toml: environments.development.chain: list should have at least 1 item, not 0",
            ),
            (
                GOOD.replace('["env", "dotenv"]', '["env", "env"]'),
                "estate.toml: environments.development.chain: a provider is named twice",
            ),
            (
                GOOD.replace('["env", "dotenv"]', '[""]'),
                "estate.toml: environments.development.chain.0.provider: string should have at least 1 character",
            ),
            (
                GOOD.replace('["env", "dotenv"]', "[5]"),
                "estate.toml: environments.development.chain.0: input should be",
            ),
            (
                GOOD.replace("deadline = 30", "deadline = 0"),
                "estate.toml: environments.production.deadline: input should be greater than 0",
            ),
            (
                GOOD.replace("deadline = 30", 'deadline = "soon"'),
                "estate.toml: environments.production.deadline: input should be a valid number",
            ),
            (
                GOOD.replace('["ESTATE_ENV", "NODE_ENV"]', '"ESTATE_ENV"'),
                "estate.toml: environment_variables: input should be a valid list",
            ),
            ("environments = 5", "estate.toml: environments: input should be a valid dictionary"),
            (GOOD + "[services.x]\ny = 1", "estate.toml: services.x: input should be a valid string"),
        ],
    )
    def test_a_bad_file(self, text: str | bytes, words: str) -> None:
        written(text)
        message, fix = problem()
        assert message.startswith(words)
        assert fix

    @pytest.mark.parametrize(
        ("text", "written_down"),
        [
            ("", '[environments.development]\nchain = ["env", "dotenv"]'),
            ("[environments", '[environments.development]\nchain = ["env", "dotenv"]'),
            ("[environments.a]", 'chain = ["env", "dotenv"]'),
            ("[environments.a]\nchain = []", 'name a provider in it: chain = ["env", "dotenv"]'),
        ],
    )
    def test_what_is_not_there_is_shown_as_it_is_written(self, text: str, written_down: str) -> None:
        written(text)
        assert written_down in problem()[1]

    def test_t23_all_that_is_wrong_is_told_at_once(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            read({"environments": {"a": {"chain": []}, "b": {"chain": ["x", "x"]}, "c": {}}, "other": 1})
        assert len(caught.value.problems) == 4

    def test_a_table_in_pyproject_that_is_no_table(self) -> None:
        written("[tool]\nestate = 5", "pyproject.toml")
        message, fix = problem()
        assert message.startswith("pyproject.toml [tool.estate]: input should be a valid dictionary")
        assert fix == "write it as a table"

    def test_where_there_is_no_file_the_fix_is_to_find_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Not to edit one that is not there."""
        monkeypatch.setenv("ESTATE_ENV", "production")
        with pytest.raises(ConfigurationError) as caught:
            read().choose()
        (found,) = caught.value.problems
        assert (
            found.fix
            == "run it in the folder of estate.toml, or name the file in ESTATE_CONFIG; `estate init` writes one"
        )

    def test_t15_a_file_that_is_named_must_be_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ESTATE_CONFIG", "missing.toml")
        message, fix = problem()
        assert message == "missing.toml cannot be read: No such file or directory"
        assert fix == "write the file, or name another one in ESTATE_CONFIG"

    def test_t15_a_directory_is_no_file(self) -> None:
        Path("estate.toml").mkdir()
        assert problem()[0] == "estate.toml cannot be read: Is a directory"

    @pytest.mark.parametrize("name", ["estate.toml", "pyproject.toml"])
    def test_t15_a_link_that_leads_nowhere_is_not_a_file_that_is_not_there(self, name: str) -> None:
        Path(name).symlink_to("gone.toml")
        assert problem()[0] == f"{name} cannot be read: No such file or directory"

    def test_t15_the_file_is_utf_8_whatever_the_locale_says(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LC_ALL", "C")
        monkeypatch.setenv("PYTHONUTF8", "0")
        written('default_environment = "開発"\n[environments."開発"]\nchain = ["env"]')
        assert read().choose().name == "開発"

    def test_what_a_bad_file_says_is_not_shown(self) -> None:
        config = {"environments": {"a": {"chain": [{"provider": {"x": PLAIN}}]}}, "providers": {"aws": PLAIN}}
        with pytest.raises(ConfigurationError) as caught:
            load(Settings, config=config)
        assert len(caught.value.problems) == 2
        assert_no_canary_in_error(caught.value, PLAIN)


@pytest.mark.parametrize(
    ("generated", "message"),
    [
        ({"a.md": {"artefcat": "iam"}}, 'generated.a.md.artefcat is not known; did you mean "artefact"?'),
        ({"a.md": 7}, "generated.a.md: input should be a valid dictionary or instance of GeneratedFile"),
        ([], "generated: input should be a valid dictionary"),
    ],
)
def test_a_generated_file_is_listed_by_its_artefact(generated: Any, message: str) -> None:
    table = {"environments": {"a": {"chain": ["env"]}}}
    listed = read({**table, "generated": {"a.md": "markdown", "b": {"artefact": "iam", "services": ["ai"]}}})
    assert [(one.artefact, one.services) for one in listed.table.generated.values()] == [
        ("markdown", []),
        ("iam", ["ai"]),
    ]
    with pytest.raises(ConfigurationError) as caught:
        read({**table, "generated": generated})
    assert message in str(caught.value)


_toml = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
_words = st.sampled_from(["environments", "chain", "providers", "services", "deadline", "default_environment", "x"])


def codes_of(config: Any) -> set[Code]:
    try:
        read(config)
    except ConfigurationError as error:
        return {problem.code for problem in error.problems}
    return set()


@given(st.dictionaries(_words, st.dictionaries(_words, st.dictionaries(_words, _toml) | _toml) | _toml))
def test_any_table_is_an_estate_or_a_list_of_problems(table: dict[str, Any]) -> None:
    assert codes_of(table) <= {Code.SCHEMA}


@given(st.binary() | st.text("[]{}=\"'.,#\n\\abc019").map(str.encode))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_is_an_estate_or_a_list_of_problems(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / f"any-{os.getpid()}.toml"
    path.write_bytes(content)
    assert codes_of(path) <= {Code.SCHEMA}
