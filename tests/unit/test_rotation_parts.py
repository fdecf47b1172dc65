"""How a secret spells a login, and what `[rotation]` may say."""

from __future__ import annotations

import json
import sys
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate_config import ConfigurationError, environments
from estate_config.errors import Code
from estate_config.model import Deadline
from estate_config.redaction import Hidden
from estate_config.rotation import postgresql
from estate_config.rotation.credential import Credential, credential_of, of_url, renewed

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)


def login(secret: Hidden[str]) -> Credential:
    found = credential_of(secret, None)
    assert isinstance(found, Credential)
    return found


@given(user=TEXTS, password=TEXTS, following=TEXTS)
def test_a_renewed_secret_has_the_new_login_and_keeps_the_rest(user: str, password: str, following: str) -> None:
    place = "[::1]:6432/d%20b?sslmode=require&schema=x"
    url = f"postgresql+psycopg://{quote(user, safe='')}:{quote(password, safe='')}@{place}"
    document = json.dumps({"host": "::1", "port": 6432, "username": user, "password": password, "extra": [1]})
    for secret in (Hidden(url), Hidden(document)):
        before = login(secret)
        assert (before.user, before.password, before.address) == (user, password, ("::1", "6432"))
        for new_user in (None, before.other_user):
            made = renewed(secret, new_user, following)
            assert isinstance(made, Hidden)
            after = login(made)
            assert (after.user, after.password) == (new_user or user, following)
            assert after.server == before.server
            assert after.other_user == (before.other_user if new_user is None else user)
    made = renewed(Hidden(url), None, following)
    assert isinstance(made, Hidden)
    assert made.reveal().startswith(f"postgresql+psycopg://{quote(user, safe='')}:")
    assert made.reveal().endswith(f"@{place}")


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("postgres://u:p@h", {"host": "h", "port": "5432"}),
        (
            "postgresql://u:p@h1:1,h2:2/d?target_session_attrs=primary",
            {"host": "h1,h2", "port": "1,2", "dbname": "d", "target_session_attrs": "primary"},
        ),
        ("postgresql://u:p@%2Fvar%2Frun/d", {"host": "/var/run", "port": "5432", "dbname": "d"}),
        ("postgresql://u:p@h/d?connection_limit=5&pgbouncer=true", {"host": "h", "port": "5432", "dbname": "d"}),
    ],
)
def test_where_the_server_is_and_how_it_is_spoken_to_is_passed_on(url: str, server: dict[str, str]) -> None:
    found = of_url(url)
    assert isinstance(found, Credential)
    assert found.server == server


@pytest.mark.parametrize(("ssl", "mode"), [(True, "require"), ("true", "require"), (False, "disable"), (None, None)])
def test_ssl_of_aws_s_json_is_libpq_s_sslmode(ssl: Any, mode: str | None) -> None:
    document = {"engine": "aurora-postgresql", "host": "h", "username": "u", "password": "p", "ssl": ssl}
    assert login(Hidden(json.dumps(document))).server.get("sslmode") == mode


def test_a_password_in_a_url_may_have_an_at_sign_that_nobody_encoded() -> None:
    made = renewed(Hidden("postgresql://u:p@ss@h/d?application_name=a@b"), None, "next")
    assert isinstance(made, Hidden)
    assert made.reveal() == "postgresql://u:next@h/d?application_name=a@b"


def test_nothing_of_a_login_is_in_its_repr() -> None:
    assert repr(login(Hidden("postgresql://user:made-up@host/d"))) == "Credential(alone=False)"


@pytest.mark.parametrize(
    ("state", "words"), [("XX000", "failed: SQLSTATE XX000"), (None, "failed: the connection broke")]
)
def test_what_postgresql_says_is_told_by_its_code_and_no_word_of_it(state: str | None, words: str) -> None:
    failed = postgresql._failed(state)
    assert failed.code is Code.UNAVAILABLE
    assert words in failed.hint


def test_without_psycopg_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    failed = postgresql.log_in(login(Hidden("postgresql://u:p@h/d")), Deadline(5))
    assert failed is not None
    assert (failed.code, failed.fix) == (Code.PLUGIN, "pip install 'estate-config[rotate-postgresql]'")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"kind": "generated", "admin": "x"}, "admin does not go with generated"),
        ({"kind": "postgresql-single", "hand_over": 5}, "hand_over does not go with postgresql-single"),
        ({"kind": "postgresql-alternating"}, "admin is missing"),
        ({"kind": "postgresql-single", "connection": "postgresql://u:p@h/d"}, "holds a password"),
        ({"kind": "postgresql-single", "connection": "postgresql://h/d"}, "is not of the form"),
        ({"kind": "postgresql-single", "connection": "mysql://u@h/d"}, "is not of the form"),
        ({"kind": "generated", "lenght": 5}, 'did you mean "length"?'),
        ({"kind": "generated", "length": 8}, "greater than or equal to 32"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(table: dict[str, Any], words: str) -> None:
    config = {"environments": {"here": {"chain": ["env"]}}, "rotation": {"x/y": table}}
    with pytest.raises(ConfigurationError) as caught:
        environments.read(config)
    (problem,) = caught.value.problems
    assert "rotation.x/y" in problem.message
    assert words in problem.message
