"""The provider `keyring`, on a real key store of the library's: a file, chosen as the library lets one choose."""

from __future__ import annotations

import base64
import configparser
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Event

import keyring
import keyring.core
import pytest
from keyring import errors
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.errors import KeyringLocked
from keyrings.alt.escape import escape  # type: ignore[import-untyped]  # it has no types

from estate_config.contract import Context
from estate_config.errors import Code, ProviderError
from estate_config.model import DataKey, Deadline, Failed, Found, Key, Notice
from estate_config.testing import ProviderContract, Shelf
from estate_config_providers.keyring import spec
from estate_config_providers.keyring.failures import Closed, failure
from estate_config_providers.keyring.system_keyring import SystemKeyring
from tests.leaks import PLAIN, assert_no_canary, assert_no_canary_in_error

CONTEXT = Context("development", Path.cwd())


def key(name: str, address: str | None = None, *, binary: bool = False) -> Key:
    return Key(name, name.replace("/", "_"), address, binary=binary)


def provider_with(**options: str) -> SystemKeyring:
    provider = spec.build(spec.options.model_validate(options), CONTEXT)
    assert isinstance(provider, SystemKeyring)
    return provider


def fetch(*keys: Key, seconds: float = 10, **options: str) -> Mapping[Key, Found | Failed]:
    return provider_with(**options).fetch(keys, Deadline(seconds))


def refusal() -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        fetch(key("a"), key("b"))
    return caught.value


@pytest.fixture(autouse=True)
def chosen(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Choose a key store by the name of its class, as a person does; nobody's own key store is ever asked."""

    def choose(name: str) -> None:
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", name)
        monkeypatch.setattr(keyring.core, "_keyring_backend", None)  # the library remembers for the whole process

    choose("keyring.backends.fail.Keyring")
    return choose


@pytest.fixture
def file(chosen: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Give the file of a real key store."""
    path = tmp_path / "passwords.cfg"
    monkeypatch.setenv("KEYRING_PROPERTY_FILE_PATH", str(path))
    chosen("keyrings.alt.file.PlaintextKeyring")
    yield path
    if path.is_fifo():
        os.close(os.open(path, os.O_RDWR))  # lets go whoever waits for a writer


def put(key: Key, value: str | bytes) -> None:
    assert isinstance(value, str)
    keyring.set_password("estate", key.name, value)


class TestContract(ProviderContract):
    binary = False  # a password is text
    sdk = ("keyring", "keyrings", "secretstorage")

    @pytest.fixture
    def shelf(self, file: Path) -> Shelf:
        def replaced(make: Callable[[Path], None]) -> None:
            file.unlink()
            make(file)

        return Shelf(
            spec,
            put,
            spoil=lambda key: damage(file, key.name, base64.encodebytes(b"\xff").decode()),
            ruin=lambda: replaced(Path.mkdir),
            hang=lambda key: replaced(os.mkfifo),
        )


def damage(file: Path, username: str, stored: str) -> None:
    """Write something into the file as if it were a password."""
    config = configparser.RawConfigParser()
    config.read(file)
    config.set(escape("estate"), escape(username), stored)
    with file.open("w") as opened:
        config.write(opened)


class Ring(KeyringBackend):
    """A key store in memory, for what no file does: it may refuse, wait for ever, and it keeps what was asked."""

    def __init__(self, passwords: Mapping[str, str] | None = None) -> None:
        self.passwords = dict(passwords or {})
        self.raising: dict[str, Exception] = {}
        self.waiting: dict[str, Event] = {}
        self.asked: list[str] = []
        self.written: list[str] = []

    def get_password(self, service: str, username: str) -> str | None:
        self.asked.append(f"{service}/{username}")
        if username in self.waiting:
            self.waiting[username].wait()
        if username in self.raising:
            raise self.raising[username]
        return self.passwords.get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self.written.append(f"{service}/{username}")
        if username in self.raising:
            raise self.raising[username]
        self.passwords[f"{service}/{username}"] = password


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Ring:
    ring = Ring()
    monkeypatch.setattr(keyring.core, "_keyring_backend", ring)
    return ring


def test_names_are_derived_or_given_whole_and_nothing_else_is_asked(ring: Ring) -> None:
    ring.passwords = {"team/dev/openai/api_key": "derived", "github/octo/cat": "given", "team/other": "nobody's"}
    derived, given, absent = key("openai/api_key"), key("token", "github/octo/cat"), key("absent")
    answers = fetch(derived, given, absent, given, service="team", prefix="dev/")
    assert {k.name: a.value for k, a in answers.items() if isinstance(a, Found)} == {
        "openai/api_key": "derived",
        "token": "given",
    }
    assert ring.asked == ["team/dev/openai/api_key", "github/octo/cat", "team/dev/absent"]


def test_the_place_is_the_one_that_the_command_of_keyring_takes(file: Path) -> None:
    place = provider_with().locate(key("database/url"))
    assert (place.text, place.fix) == ("estate/database/url", "keyring set estate database/url")
    subprocess.run([sys.executable, "-m", *place.fix.split()], input=b"from outside\n", check=True)
    answer = fetch(key("database/url"))[key("database/url")]
    assert isinstance(answer, Found)
    assert (answer.value, answer.origin.place) == ("from outside", "estate/database/url")


def test_the_command_is_quoted_for_the_shell() -> None:
    assert provider_with().locate(key("x", "my team/it's")).fix == """keyring set 'my team' 'it'"'"'s'"""


@pytest.mark.parametrize("address", ["", "alone", "/username", "service/"])
def test_an_address_without_both_parts_is_a_mistake_of_the_schema(ring: Ring, address: str) -> None:
    asked, good = key("x", address), key("good")
    ring.passwords = {"estate/good": "1"}
    answers = fetch(asked, good)
    wrong = answers[asked]
    assert isinstance(wrong, Failed)
    assert (wrong.code, wrong.fix) == (Code.SCHEMA, 'write it as keyring="service/username"')
    assert isinstance(answers[good], Found)
    assert provider_with().put({asked: "1"}, Deadline(10)) == {asked: wrong}


def test_a_binary_field_gets_the_bytes_of_the_text_and_no_others_can_be_put(ring: Ring) -> None:
    asked, other = key("tls", binary=True), key("other", binary=True)
    failed = provider_with().put({asked: "é".encode(), other: b"\xff"}, Deadline(10))
    assert {k.name: answer.code for k, answer in failed.items()} == {"other": Code.MALFORMED}
    answer = fetch(asked)[asked]
    assert isinstance(answer, Found)
    assert answer.value == "é".encode()


def test_what_is_there_already_is_not_written_again(ring: Ring) -> None:
    ring.passwords = {"estate/same": "1", "estate/changed": "1"}
    assert provider_with().put({key("same"): "1", key("changed"): "2", key("new"): "3"}, Deadline(10)) == {}
    assert ring.written == ["estate/changed", "estate/new"]
    assert ring.passwords == {"estate/same": "1", "estate/changed": "2", "estate/new": "3"}


def test_a_dialogue_that_was_dismissed_is_not_shown_again(ring: Ring) -> None:
    ring.raising = {"a": KeyringLocked("no")}
    error = refusal()
    assert (error.code, ring.asked) == (Code.DENIED, ["estate/a"])
    assert "unlock" in error.fix
    failed = provider_with().put({key("a"): "1", key("b"): "2"}, Deadline(10))
    assert [answer.code for answer in failed.values()] == [Code.DENIED, Code.DENIED]
    assert (ring.asked, ring.written) == (["estate/a", "estate/a"], [])


def test_a_key_store_that_waits_for_its_password_keeps_nobody_past_the_deadline(ring: Ring) -> None:
    ring.passwords = {"estate/first": "1", "estate/last": "3"}
    released = ring.waiting["locked"] = Event()
    try:
        answers = fetch(key("first"), key("locked"), key("last"), seconds=0.3)
    finally:
        released.set()
    assert isinstance(answers[key("first")], Found)
    for name in ("locked", "last"):
        late = answers[key(name)]
        assert isinstance(late, Failed)
        assert (late.code, "within 0.3 seconds" in late.hint) == (Code.UNAVAILABLE, True)


def test_a_machine_without_a_key_store_is_told_what_to_install() -> None:
    error = refusal()
    assert error.code is Code.PLUGIN
    assert "apt install gnome-keyring" in error.fix


def test_a_key_store_that_is_switched_off_does_not_say_absent(chosen: Callable[[str], None]) -> None:
    chosen("keyring.backends.null.Keyring")
    error = refusal()
    assert (error.code, "switched off" in error.hint) == (Code.PLUGIN, True)


@pytest.mark.parametrize("name", ["no_such_module.Keyring", "keyring.NoSuch", "keyring.backends.macOS.Keyring", ""])
def test_a_choice_that_cannot_be_used_names_where_it_was_made(chosen: Callable[[str], None], name: str) -> None:
    chosen(name)
    error = refusal()
    assert (error.code, "PYTHON_KEYRING_BACKEND" in error.fix) == (Code.PLUGIN, True)


def test_a_file_that_cannot_be_opened_is_not_taken_for_an_empty_one(file: Path) -> None:
    assert fetch(key("a")) == {}
    file.symlink_to(file)
    error = refusal()
    assert error.code is Code.MALFORMED
    assert str(file) in error.hint


def test_a_file_that_something_else_has_written_is_damaged_and_its_text_not_shown(file: Path) -> None:
    file.write_text(PLAIN)
    error = refusal()
    assert error.code is Code.MALFORMED
    assert_no_canary_in_error(error, PLAIN)


def test_passwords_that_are_not_encrypted_are_a_warning(file: Path) -> None:
    put(key("a"), "1")
    provider = provider_with()
    assert provider.inspect([key("a")]) == ()
    provider.fetch([key("a")], Deadline(10))
    (notice,) = provider.inspect([key("a")])
    assert (notice.code, notice.place) == (Code.INSECURE, str(file))
    assert "keyring --list-backends" in notice.fix


def test_one_chained_among_others_is_seen_too(
    file: Path, chosen: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(key("a"), "1")
    monkeypatch.setattr(ChainerBackend, "backends", [Ring(), keyring.get_keyring()])
    chosen("keyring.backends.chainer.ChainerBackend")
    provider = provider_with()
    assert isinstance(provider.fetch([key("a")], Deadline(10))[key("a")], Found)
    assert [notice.place for notice in provider.inspect([])] == [str(file)]


def test_others_are_no_warning(ring: Ring) -> None:
    provider = provider_with()
    provider.fetch([key("a")], Deadline(10))
    notices: list[Notice] = list(provider.inspect([]))
    assert notices == []


def test_what_a_key_store_raises_shows_nothing_of_a_password(ring: Ring) -> None:
    ring.passwords = {"estate/b": "1"}
    ring.raising = {"a": RuntimeError(PLAIN), "c": errors.PasswordSetError(PLAIN)}
    read = fetch(key("a"), key("b"))
    failed = read[key("a")]
    assert isinstance(failed, Failed)
    assert (failed.code, isinstance(read[key("b")], Found)) == (Code.UNAVAILABLE, True)
    assert "RuntimeError" in failed.hint
    assert_no_canary(repr(failed), PLAIN)
    written = provider_with().put({key("a"): PLAIN, key("c"): PLAIN}, Deadline(10))
    assert [answer.code for answer in written.values()] == [Code.UNAVAILABLE, Code.DENIED]
    assert_no_canary(repr(written), PLAIN)


@pytest.mark.parametrize("module", [m for m in ("keyring.errors", "secretstorage.exceptions") if find_spec(m)])
def test_every_error_of_the_libraries_is_mapped(module: str) -> None:
    kinds = [
        kind
        for kind in vars(import_module(module)).values()
        if isinstance(kind, type) and issubclass(kind, Exception) and kind.__module__ == module
    ]
    assert len(kinds) >= 5
    for kind in kinds:
        known = failure(kind())
        assert isinstance(known, Closed) or "raised" not in known.hint, kind


def test_without_the_library_the_install_command_is_named() -> None:
    code = """
import sys
sys.modules["keyring"] = None
from pathlib import Path
from estate_config.contract import Context
from estate_config.errors import ProviderError
from estate_config.model import Deadline, Key
from estate_config_providers.keyring import spec
try:
    spec.build(spec.options(), Context("x", Path())).fetch([Key("a", "a")], Deadline(5))
except ProviderError as error:
    print(error.code, error.fix)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "PLUGIN pip install 'estate-config[keyring]'"


# --- the key of a file ------------------------------------------------------------------------------------------------

CACHE = {"service": "ai", "environment": "production"}


def data_key(wrapped: bytes | None = None, context: Mapping[str, str] = CACHE, seconds: float = 10) -> DataKey:
    return provider_with().data_key("estate-cache", context, wrapped, Deadline(seconds))


def no_key(wrapped: bytes | None = None, seconds: float = 10) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        data_key(wrapped, seconds=seconds)
    return caught.value


def test_a_key_of_a_file_is_made_once_and_kept_in_the_key_store(file: Path) -> None:
    made = data_key()
    assert (len(made.key), made.wrapped) == (32, b"")
    assert (data_key(), data_key(b"")) == (made, made)
    kept = keyring.get_password("estate", "estate-cache/production/ai")
    assert kept is not None
    assert base64.b64decode(kept) == made.key


def test_each_service_and_environment_has_a_key_of_its_own(ring: Ring) -> None:
    keys = {data_key(context=one).key for one in (CACHE, {**CACHE, "service": "etl"}, {**CACHE, "environment": "x"})}
    assert len(keys) == 3


def test_a_key_that_is_gone_is_not_made_anew_for_a_file_that_is_there(ring: Ring) -> None:
    error = no_key(b"")
    assert (error.code, ring.written) == (Code.NO_VALUE, [])
    assert "estate/estate-cache/production/ai is not there any more" in error.hint


def test_what_somebody_else_has_put_there_is_no_key_and_is_not_replaced(ring: Ring) -> None:
    ring.passwords = {"estate/estate-cache/production/ai": "somebody's password!"}
    assert (data_key().key, ring.written) == (b"", [])


def test_a_key_store_that_is_locked_or_waits_gives_no_key(ring: Ring) -> None:
    ring.raising = {"estate-cache/production/ai": KeyringLocked("no")}
    assert no_key().code is Code.DENIED
    ring.raising = {"estate-cache/production/ai": RuntimeError(PLAIN)}
    error = no_key()
    assert error.code is Code.UNAVAILABLE
    assert_no_canary_in_error(error, PLAIN)
    ring.raising, released = {}, Event()
    ring.waiting["estate-cache/production/ai"] = released
    try:
        assert "within 0.2 seconds" in no_key(seconds=0.2).hint
    finally:
        released.set()
