"""The provider `gcp`, with Google's own client, against a strict fake that speaks the real gRPC protocol."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions

from estate_config.contract import Context, Prober, Provider
from estate_config.errors import Code
from estate_config.model import Deadline, Failed, Found, Key, Status
from estate_config.testing import ProviderContract, Shelf
from estate_config_providers.gcp import spec
from estate_config_providers.gcp.address import Address
from estate_config_providers.gcp.failures import _BY_NAME, failure
from tests.fakes.gcp import StrictGcp

API: Any = exceptions
AUTH: Any = auth_exceptions
"""The libraries' errors, whose constructors have no types."""


@pytest.fixture
def gcp() -> Iterator[StrictGcp]:
    with StrictGcp() as fake:
        yield fake


def provider_on(gcp: StrictGcp, **options: str) -> Provider:
    table = {"project": "estate", "client": gcp.client(), **options}
    return spec.build(spec.options.model_validate(table), Context("production", Path.cwd()))


def key(name: str, address: str | None = None, *, binary: bool = False) -> Key:
    return Key(name, name.replace("/", "_"), address, binary=binary)


def fetch(gcp: StrictGcp, *keys: Key, seconds: float = 10, **options: str) -> dict[Key, Found | Failed]:
    return dict(provider_on(gcp, **options).fetch(keys, Deadline(seconds)))


class TestContract(ProviderContract):
    empty_values = False  # a version without data cannot be made
    sdk = ("google.cloud.secretmanager_v1", "grpc")

    @pytest.fixture
    def shelf(self, gcp: StrictGcp) -> Shelf:
        def put(key: Key, value: str | bytes) -> None:
            gcp.add(key.name.replace("/", "_"), value if isinstance(value, bytes) else value.encode())

        def spoil(key: Key) -> None:
            gcp.denied.add(f"AccessSecretVersion {key.name.replace('/', '_')}")

        def hang(key: Key) -> None:
            gcp.hanging.add(key.name.replace("/", "_"))

        return Shelf(spec, put, options={"project": "estate", "client": gcp.client()}, spoil=spoil, hang=hang)


def test_a_derived_name_has_the_prefix_and_no_slash(gcp: StrictGcp) -> None:
    gcp.add("estate-database_url", b"x")
    asked = key("database/url")
    found = fetch(gcp, asked, prefix="estate-")[asked]
    assert isinstance(found, Found)
    assert found.origin.place == "projects/estate/secrets/estate-database_url"
    assert (found.origin.version, found.origin.stage) == ("1", "latest")


def test_t6_t24_members_of_one_secret_are_one_read_and_nothing_is_listed(gcp: StrictGcp) -> None:
    gcp.add("rds", b'{"user": "app", "port": 5432, "password": "p"}')
    keys = [key(member, f"rds#{member}") for member in ("user", "port", "password", "absent")]
    answers = fetch(gcp, *keys)
    assert {k.name: a.value for k, a in answers.items() if isinstance(a, Found)} == {
        "user": "app",
        "port": "5432",
        "password": "p",
    }
    assert gcp.calls == {"AccessSecretVersion": 1}


def test_versions_and_other_projects_are_addresses(gcp: StrictGcp) -> None:
    gcp.add("jwt", b"old")
    gcp.add("jwt", b"new")
    old, other = key("old", "jwt/versions/1"), key("other", "projects/elsewhere/secrets/jwt")
    answers = fetch(gcp, old, other)
    assert {k.name: a.value for k, a in answers.items() if isinstance(a, Found)} == {"old": "old", "other": "new"}


@pytest.mark.parametrize("address", ["jwt#", "jwt/versions/", "jwt/versions/1/../../other", "jwt/versions/a b", "a/b"])
def test_an_address_that_names_no_secret_no_version_or_no_member_is_malformed_and_never_absent(
    gcp: StrictGcp, address: str
) -> None:
    gcp.add("jwt", b'{"": "x"}')
    asked = key("jwt", address)
    answer = fetch(gcp, asked)[asked]
    assert isinstance(answer, Failed)
    assert answer.code is Code.MALFORMED
    assert provider_on(gcp).locate(asked).wrong == answer.hint
    assert gcp.calls == {}


def test_a_secret_without_a_version_is_told_from_one_that_is_not_there(gcp: StrictGcp) -> None:
    gcp.secrets["empty"] = []
    empty, nowhere = key("empty"), key("nowhere")
    answers = fetch(gcp, empty, nowhere)
    assert nowhere not in answers
    assert [answer.code for answer in answers.values() if isinstance(answer, Failed)] == [Code.NO_VALUE]


def test_where_looking_is_not_allowed_the_report_names_both_and_the_start_stops(gcp: StrictGcp) -> None:
    gcp.denied.add("GetSecret nowhere")
    asked = key("nowhere")
    answer = fetch(gcp, asked)[asked]
    assert isinstance(answer, Failed)
    assert "does not exist, or has no such version" in answer.hint


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, Code.DENIED),
        (grpc.StatusCode.FAILED_PRECONDITION, Code.NO_VALUE),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Code.THROTTLED),
        (grpc.StatusCode.UNAUTHENTICATED, Code.CREDENTIALS),
        (grpc.StatusCode.UNAVAILABLE, Code.UNAVAILABLE),
        (grpc.StatusCode.INTERNAL, Code.UNAVAILABLE),
        (grpc.StatusCode.INVALID_ARGUMENT, Code.MALFORMED),
    ],
)
def test_each_status_is_its_own_outcome_with_a_command(gcp: StrictGcp, status: grpc.StatusCode, code: Code) -> None:
    gcp.add("openai", b"x")
    gcp.failing["openai"] = status
    asked = key("openai")
    answer = fetch(gcp, asked, seconds=3)[asked]
    assert isinstance(answer, Failed)
    assert answer.code is code
    assert answer.fix


def test_every_error_of_the_client_is_mapped_by_its_own_name() -> None:
    kinds = {
        kind.__name__
        for module, root in (
            (exceptions, exceptions.GoogleAPIError),
            (auth_exceptions, auth_exceptions.GoogleAuthError),
        )
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, root)
    }
    kinds -= {"GoogleAPIError"}  # the root, never raised itself
    assert len(kinds) > 50
    assert kinds - set(_BY_NAME) == set()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AUTH.TransportError(), Code.UNAVAILABLE),
        (AUTH.RefreshError(), Code.CREDENTIALS),
        (API.RetryError("", cause=API.TooManyRequests("")), Code.THROTTLED),
    ],
)
def test_what_kept_google_from_answering_is_told_apart(error: Exception, code: Code) -> None:
    assert failure(error, Address("p", "s", "1")).code is code


def test_a_server_that_is_gone_is_reported_within_the_deadline(gcp: StrictGcp) -> None:
    provider = provider_on(gcp)
    gcp.stop()
    asked = key("openai")
    started = time.monotonic()
    answer = provider.fetch([asked], Deadline(1))[asked]
    assert time.monotonic() - started < 10
    assert isinstance(answer, Failed)
    assert answer.code is Code.UNAVAILABLE


def probe(gcp: StrictGcp, *keys: Key) -> dict[Key, Status | Failed]:
    provider = provider_on(gcp)
    assert isinstance(provider, Prober)
    return dict(provider.probe(keys, Deadline(10)))


def test_a_probe_tells_version_age_and_right_and_reads_no_value(gcp: StrictGcp) -> None:
    gcp.add("jwt", b"old")
    gcp.add("jwt", b"new")
    asked, member, old = key("jwt"), key("part", "jwt#part"), key("old", "jwt/versions/1")
    created = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    assert probe(gcp, asked, member, old, key("nowhere")) == {
        asked: Status("projects/estate/secrets/jwt", "2", created, may_read=True),
        member: Status("projects/estate/secrets/jwt#part", "2", created, may_read=True),
        old: Status("projects/estate/secrets/jwt/versions/1", "1", created, may_read=True),
    }
    assert "AccessSecretVersion" not in gcp.calls


def test_a_probe_tells_that_the_value_may_not_be_read(gcp: StrictGcp) -> None:
    gcp.add("jwt", b"x")
    gcp.denied.add("AccessSecretVersion jwt")
    (status,) = probe(gcp, key("jwt")).values()
    assert isinstance(status, Status)
    assert status.may_read is False


def test_where_the_right_may_not_be_tested_it_is_unknown(gcp: StrictGcp) -> None:
    gcp.add("jwt", b"x")
    gcp.denied.add("TestIamPermissions jwt")
    (status,) = probe(gcp, key("jwt")).values()
    assert isinstance(status, Status)
    assert status.may_read is None


def test_t9_a_probe_that_is_refused_is_not_taken_for_absent(gcp: StrictGcp) -> None:
    gcp.denied.add("GetSecretVersion jwt")
    (status,) = probe(gcp, key("jwt")).values()
    assert isinstance(status, Failed)
    assert status.code is Code.DENIED
    assert "secretmanager.versions.get" in status.hint
    assert "--role=roles/secretmanager.viewer" in status.fix


def test_a_probe_has_the_codes_that_a_fetch_has(gcp: StrictGcp) -> None:
    gcp.secrets["empty"] = []
    gcp.secrets["disabled"] = [grpc.StatusCode.FAILED_PRECONDITION]
    gcp.add("slow", b"x")
    gcp.failing["slow"] = grpc.StatusCode.UNAUTHENTICATED
    asked = [key("empty"), key("disabled"), key("slow"), key("bad", "no good!")]
    codes = [answer.code for answer in probe(gcp, *asked).values() if isinstance(answer, Failed)]
    assert codes == [Code.NO_VALUE, Code.NO_VALUE, Code.CREDENTIALS, Code.MALFORMED]
    assert codes == [answer.code for answer in fetch(gcp, *asked).values() if isinstance(answer, Failed)]


def test_put_creates_adds_a_version_and_writes_nothing_twice(gcp: StrictGcp) -> None:
    provider = provider_on(gcp)
    plain, member = key("jwt"), key("password", "rds#password")
    gcp.add("rds", b'{"user": "app"}')
    for _ in range(2):
        assert provider.put({plain: "secret", member: "p"}, Deadline(10)) == {}  # type: ignore[attr-defined]
    assert gcp.secrets["jwt"] == [b"secret"]
    assert gcp.secrets["rds"] == [b'{"user": "app"}', b'{"user": "app", "password": "p"}']


def test_put_refuses_what_cannot_be_written_and_leaves_it(gcp: StrictGcp) -> None:
    gcp.add("text", b"no json")
    keys: dict[Key, str | bytes] = {
        key("a", "text#x"): "1",
        key("b", "jwt/versions/1"): "1",
        key("c", "no good!"): "1",
        key("d"): "x" * 65_537,
        key("e", "rds#x", binary=True): b"\xff",
    }
    failed = provider_on(gcp).put(keys, Deadline(10))  # type: ignore[attr-defined]
    assert {k.name: answer.code for k, answer in failed.items()} == dict.fromkeys("abcde", Code.MALFORMED)
    assert gcp.secrets["text"] == [b"no json"]


def test_one_that_hangs_leaves_the_others_their_values_and_says_what_to_do(gcp: StrictGcp) -> None:
    gcp.add("jwt", b"x")
    gcp.hanging.add("openai")
    slow, quick = key("openai"), key("jwt")
    answers = fetch(gcp, slow, quick, seconds=1.5)
    assert isinstance(answers[quick], Found)
    answer = answers[slow]
    assert isinstance(answer, Failed)
    assert answer.code is Code.UNAVAILABLE
    assert answer.fix.startswith("look whether the ")


def test_put_does_not_write_a_secret_whole_and_by_members_at_once(gcp: StrictGcp) -> None:
    failed = provider_on(gcp).put({key("p", "rds#password"): "p", key("rds", "rds"): "{}"}, Deadline(10))  # type: ignore[attr-defined]
    assert {answer.hint for answer in failed.values()} == {"is given two values at once"}
    assert len(failed) == 2
    assert gcp.secrets == {}


def test_put_does_not_take_the_later_of_two_values_for_one_member_that_is_spelled_in_two_ways(gcp: StrictGcp) -> None:
    full = "projects/estate/secrets/rds#password"
    failed = provider_on(gcp).put({key("p", "rds#password"): "1", key("q", full): "2"}, Deadline(10))  # type: ignore[attr-defined]
    assert {answer.hint for answer in failed.values()} == {"is given two values at once"}
    assert gcp.secrets == {}


def test_locate_names_the_place_and_the_command() -> None:
    provider = spec.build(spec.options(project="estate"), Context("production", Path.cwd()))
    place = provider.locate(key("openai/api_key"))
    assert place.text == "projects/estate/secrets/openai_api_key"
    assert place.fix == "gcloud secrets create openai_api_key --project=estate --data-file=-"
    assert place.change == "gcloud secrets versions add openai_api_key --project=estate --data-file=-"


def test_no_command_writes_over_a_whole_json_object_or_into_a_version() -> None:
    provider = spec.build(spec.options(project="estate"), Context("production", Path.cwd()))
    place = provider.locate(key("user", "rds#user"))
    data = '--project=estate --data-file=secret.json   # {}: the whole JSON object, "user" in it'
    create = f"gcloud secrets create rds {data.format('it is not there yet')}"
    add = f"gcloud secrets versions add rds {data.format('it is there')}"
    assert (place.fix, place.change) == (f"{create}\n{add}", add)
    versions = (
        "gcloud secrets versions list rds --project=estate   # a version cannot be written: name one that is there"
    )
    for address in ("rds/versions/3", "rds/versions/3#user"):
        old = provider.locate(key("user", address))
        assert (old.fix, old.change) == (versions, versions)


def test_a_secret_without_a_version_is_filled_with_the_whole_json_object(gcp: StrictGcp) -> None:
    gcp.secrets["rds"] = []
    asked = key("user", "rds#user")
    provider = provider_on(gcp)
    assert isinstance(provider, Prober)
    for answers in (provider.fetch([asked], Deadline(10)), provider.probe([asked], Deadline(10))):
        answer = answers[asked]
        assert isinstance(answer, Failed)
        assert answer.code is Code.NO_VALUE
        assert "--data-file=secret.json" in answer.fix


def test_without_the_client_library_the_install_command_is_named() -> None:
    code = """
import sys
sys.modules["google.cloud"] = None
from pathlib import Path
from estate_config.contract import Context
from estate_config.errors import ProviderError
from estate_config.model import Deadline, Key
from estate_config_providers.gcp import spec
from estate_config_providers.gcp.address import Address
try:
    spec.build(spec.options(project="p"), Context("x", Path())).fetch([Key("a", "a")], Deadline(1))
except ProviderError as error:
    print(error.code, error.fix)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "PLUGIN pip install 'estate-config[gcp]'"
