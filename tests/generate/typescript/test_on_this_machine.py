"""Variables, the files that they point to, `.env` files, nested fields: the same in TypeScript as in Python."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.generate.typescript.both import Both
from tests.generate.typescript.nodejs import Loader
from tests.leaks import PLAIN, assert_no_canary

pytestmark = pytest.mark.xdist_group("node")

SCHEMA = "laptop"
ALL = {"JWT_SECRET": PLAIN, "RDS_PASSWORD": PLAIN}


def dotenv(folder: Path, text: str | bytes, name: str = ".env", mode: int = 0o600) -> None:
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    file.chmod(mode)


def codes(answer: dict[str, object]) -> dict[str, str]:
    problems = answer["problems"]
    assert isinstance(problems, list)
    return {problem["field"]: problem["code"] for problem in problems}


def test_nested_fields_are_nested_and_an_optional_one_without_any_is_its_default(both: Both) -> None:
    answer = both.load(ALL)
    assert answer["values"] == {
        "jwt": PLAIN,
        "certificate": None,
        "greeting": "",
        "rds": {"user": "estate", "password": PLAIN, "label": "{estate} of estate"},
        "replica": None,
        "standby": None,
        "cache": {"host": "localhost", "seconds": 60_000},
        "only_files": "-",
        "nobody": "-",
    }
    assert_no_canary(answer["shown"], PLAIN)


def test_a_field_built_from_defaults_alone_does_not_bring_an_optional_nested_one_to_life(both: Both) -> None:
    assert both.load(ALL)["values"]["standby"] is None
    answer = both.load({**ALL, "STANDBY_PASSWORD": PLAIN})
    assert answer["values"]["standby"] == {"user": "estate", "password": PLAIN, "label": "{estate} of estate"}
    assert codes(both.load({**ALL, "STANDBY_USER": "u"})) == {"standby.password": "MISSING"}


def test_one_field_of_an_optional_nested_one_asks_for_the_others(both: Both) -> None:
    assert codes(both.load({**ALL, "REPLICA_USER": PLAIN})) == {"replica.password": "MISSING"}
    assert codes(both.load({**ALL, "CACHE_HOST": "there"})) == {"cache.seconds": "MISSING"}
    assert both.load({**ALL, "CACHE_SECONDS": "5"})["values"]["cache"] == {"host": "localhost", "seconds": 5_000}
    assert codes(both.load({"REPLICA_USER": PLAIN})) == {
        "jwt": "MISSING",
        "rds.password": "MISSING",
        "replica.password": "MISSING",
    }


def test_providers_limit_who_is_asked(both: Both) -> None:
    dotenv(both.folder, "ONLY_FILES=file\nNOBODY=file\n")
    answer = both.load({**ALL, "ONLY_FILES": "variable", "NOBODY": "variable"})
    assert (answer["values"]["only_files"], answer["values"]["nobody"]) == ("file", "-")


def test_trap_22_an_empty_text_is_a_value_only_where_it_may_be(both: Both) -> None:
    dotenv(both.folder, "GREETING=hello\n")
    assert both.load({**ALL, "GREETING": ""})["values"]["greeting"] == ""
    assert codes(both.load({**ALL, "JWT_SECRET": ""})) == {"jwt": "EMPTY"}


# --- NAME_FILE -------------------------------------------------------------------------------------------------------

POINTERS: dict[str, tuple[Callable[[Path], object], str | None]] = {
    "a text": (lambda path: path.write_text(PLAIN), None),
    "a text with its line end": (lambda path: path.write_text(f"{PLAIN}\n"), None),
    "a text with two": (lambda path: path.write_bytes(f"{PLAIN}\n\r\n".encode()), None),
    "nothing": (lambda path: path.touch(), "EMPTY"),
    "not there": (lambda path: None, "MALFORMED"),
    "a folder": (lambda path: path.mkdir(), "MALFORMED"),
    "a pipe": (os.mkfifo, "MALFORMED"),
    "bytes": (lambda path: path.write_bytes(b"\xff" + PLAIN.encode()), "MALFORMED"),
    "too much": (lambda path: path.write_bytes(b"a" * 65_537), "MALFORMED"),
    "as much as may be": (lambda path: path.write_bytes(b"a" * 65_536), None),
    "a link to itself": (lambda path: path.symlink_to(path), "MALFORMED"),
}


@pytest.mark.parametrize("name", POINTERS)
def test_a_variable_may_point_to_a_file(both: Both, name: str) -> None:
    make, code = POINTERS[name]
    make(both.folder / "jwt")
    answer = both.load({"RDS_PASSWORD": PLAIN, "JWT_SECRET_FILE": "jwt"})
    assert codes(answer) == ({} if code is None else {"jwt": code})
    if code is None:
        assert answer["values"]["jwt"] == answer["python"].jwt.get_secret_value()


def test_a_pointer_beside_the_variable_is_ambiguous_and_one_that_leads_nowhere_is_not_shown(both: Both) -> None:
    assert codes(both.load({**ALL, "JWT_SECRET_FILE": "jwt"})) == {"jwt": "MALFORMED"}
    answer = both.load({"RDS_PASSWORD": PLAIN, "JWT_SECRET_FILE": PLAIN})
    assert codes(answer) == {"jwt": "MALFORMED"}
    assert_no_canary(answer["shown"], PLAIN)


def test_a_field_of_bytes_gets_them_as_they_are(both: Both) -> None:
    (both.folder / "certificate").write_bytes(b"\xff\n")
    answer = both.load({**ALL, "CERTIFICATE_FILE": "certificate"})
    assert answer["values"]["certificate"] == {"hex": "ff0a"}
    assert answer["python"].certificate.get_secret_value() == b"\xff\n"


def test_relative_paths_start_from_the_folder_of_the_configuration(
    loaders: Callable[[str], Loader], tmp_path: Path
) -> None:
    estate = tmp_path / "estate"
    dotenv(estate, f"JWT_SECRET={PLAIN}\nRDS_PASSWORD={PLAIN}\n")
    answer = loaders(SCHEMA).load(tmp_path, {"ESTATE_CONFIG": "estate/estate.toml"})
    assert answer["problems"] == []
    assert answer["explained"]["settings"][0]["place"] == ".env:1"


# --- .env files ------------------------------------------------------------------------------------------------------


def test_later_files_win_name_by_name(both: Both) -> None:
    dotenv(both.folder, "JWT_SECRET=1\nRDS_USER=1\nRDS_PASSWORD=1\nREPLICA_USER=1\nREPLICA_PASSWORD=1\n")
    dotenv(both.folder, "RDS_USER=2\nRDS_PASSWORD=2\nREPLICA_USER=2\nREPLICA_PASSWORD=2\n", ".env.local")
    dotenv(both.folder, "RDS_PASSWORD=3\nREPLICA_USER=3\nREPLICA_PASSWORD=3\n", ".env.development")
    dotenv(both.folder, "REPLICA_USER=4\n\nREPLICA_PASSWORD=4\n", ".env.development.local")
    dotenv(both.folder, "JWT_SECRET=5\n", ".env.strict")
    answer = both.load({})
    assert answer["values"]["jwt"] == "1"
    assert answer["values"]["rds"] == {"user": "2", "password": "3", "label": "{2} of 2"}
    assert answer["values"]["replica"] == {"user": "4", "password": "4"}


def test_who_found_a_value_says_how_to_replace_it(both: Both) -> None:
    dotenv(both.folder, "JWT_SECRET=\n", ".env.local")
    (both.folder / "seconds").write_text("soon")
    answer = both.load({"RDS_PASSWORD": PLAIN, "CACHE_SECONDS_FILE": "seconds"})
    assert {problem["field"]: problem["fix"] for problem in answer["problems"]} == {
        "jwt": "export JWT_SECRET='…'\ncorrect JWT_SECRET in line 1 of .env.local",
        "cache.seconds": "put the value, and nothing else, into the file that CACHE_SECONDS_FILE names",
    }


def test_the_folder_is_that_of_the_option(both: Both) -> None:
    answer = both.load({"NODE_ENV": "elsewhere", "RDS_PASSWORD": PLAIN})
    assert set(codes(answer).values()) == {"UNAVAILABLE"}
    dotenv(both.folder, f"JWT_SECRET={PLAIN}\n", "config/.env")
    answer = both.load({"NODE_ENV": "elsewhere", "RDS_PASSWORD": PLAIN})
    assert answer["explained"]["settings"][0]["place"] == "config/.env:1"


FILES: dict[str, str | bytes] = {
    "bytes": b"JWT_SECRET=\xff\n",
    "too much": b"#" * 1_048_577,
    "a line that is none": f"RDS_PASSWORD=1\n{PLAIN}\nJWT_SECRET=2\n",
    "two of them": f"{PLAIN}\n\n= 3\nJWT_SECRET=2\n",
    "the end of a base64 text": f"JWT_SECRET={PLAIN}\nc2Vj/{PLAIN}==\nRDS_PASSWORD=1\n",
    "a quote that is open": f"JWT_SECRET='{PLAIN}\nRDS_PASSWORD=2\n",
}


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_stops_the_start_and_is_not_shown(both: Both, name: str) -> None:
    dotenv(both.folder, FILES[name])
    answer = both.load({})
    assert set(codes(answer).values()) == {"MALFORMED"}
    assert_no_canary(answer["shown"], PLAIN)


def test_a_file_that_others_can_read_is_a_warning(both: Both) -> None:
    dotenv(both.folder, f"JWT_SECRET={PLAIN}\n", mode=0o644)
    (warning,) = both.load({})["warnings"]
    assert (warning["code"], warning["fix"]) == ("INSECURE", "chmod 600 .env")


lines = st.lists(
    st.one_of(
        st.builds(
            "{}{}{}{}{}{}".format,
            st.sampled_from(["", "  ", "export ", "\t", "\n\n"]),
            st.sampled_from(["JWT_SECRET", "RDS_USER", "'RDS_PASSWORD'", "REPLICA_USER", "GREETING", ""]),
            st.sampled_from(["=", " = ", "=\t", "", " ", "=="]),
            st.sampled_from(["", "'", '"']),
            st.text("ab \\'\"#$nt=\t{}é`", max_size=8),
            st.sampled_from(["", "'", '"', " # remark", "' # remark", '"#', " "]),
        ),
        st.sampled_from(["", "# remark", "   # JWT_SECRET=1", "export JWT_SECRET", 'GREETING="a\nb\\n"', "=a", "#"]),
    ),
    max_size=4,
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines, st.sampled_from(["\n", "\r\n", "\r"]))
def test_a_file_is_read_as_python_dotenv_reads_it(both: Both, written: list[str], end: str) -> None:
    dotenv(both.folder, end.join(["RDS_PASSWORD=p", "JWT_SECRET=j", *written]))
    answer = both.load({})
    if "python" in answer:
        python = answer["python"]
        values = answer["values"]
        assert values["jwt"] == python.jwt.get_secret_value()
        assert values["greeting"] == python.greeting
        assert (values["rds"]["user"], values["rds"]["label"]) == (python.rds.user, python.rds.label)
        assert values["rds"]["password"] == python.rds.password.get_secret_value()


# --- the environment, examples, variables that nothing reads ---------------------------------------------------------


def test_the_first_variable_that_is_set_names_the_environment(both: Both) -> None:
    assert (
        both.load({**ALL, "NODE_ENV": "strict", "ESTATE_ENV": "development"})["explained"]["environment"]
        == "development"
    )
    assert both.load({**ALL, "NODE_ENV": ""})["explained"]["environment"] == "development"
    answer = both.loader.load(both.folder, {**ALL, "NODE_ENV": "produktion"})
    assert codes(answer) == {"": "SCHEMA"}
    assert (
        'there is no environment "produktion", asked for by NODE_ENV; there is: test, development' in answer["report"]
    )


def test_an_environment_may_forbid_the_values_of_examples(both: Both) -> None:
    for value in (
        "changeme",
        "<your token>",
        "your-jwt-secret",
        "SuperSecretJwtKey",
        " placeholder ",
        "the one of the tutorial",
    ):
        environment = {"NODE_ENV": "strict", "ESTATE_JWT_SECRET": value, "ESTATE_RDS_PASSWORD": PLAIN}
        assert codes(both.load(environment)) == {"jwt": "PLACEHOLDER"}


def test_variables_with_the_prefix_that_nothing_reads_are_warnings(both: Both) -> None:
    (warning,) = both.load({"NODE_ENV": "strict", "ESTATE_JWT_SECERT": PLAIN, "ESTATE_RDS_PASSWORD": PLAIN})["warnings"]
    assert (warning["code"], warning["places"][0]["place"]) == ("UNKNOWN", "ESTATE_JWT_SECERT")


def test_in_the_environment_test_values_come_from_the_test_alone(
    loaders: Callable[[str], Loader], tmp_path: Path
) -> None:
    loader, values = loaders(SCHEMA), {"jwt": PLAIN, "rds.password": PLAIN}
    answer = loader.load(tmp_path, {**ALL, "NODE_ENV": "test"}, values=values)
    assert answer["values"]["rds"] == {"user": "estate", "password": PLAIN, "label": "{estate} of estate"}
    assert codes(loader.load(tmp_path, {**ALL, "NODE_ENV": "test"})) == {"jwt": "MISSING", "rds.password": "MISSING"}
