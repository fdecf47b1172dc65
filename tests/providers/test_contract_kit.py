"""The conformance kit itself: how a stranger uses it, and what it does not let pass silently."""

from __future__ import annotations

import _thread
import io
import os
import socket
import sqlite3
import ssl
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

import estate_config.testing
from estate_config import contract
from estate_config.contract import Provider
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Key
from estate_config.testing import ProviderContract, Shelf
from estate_config.testing.kit import fetch, require_value, require_values
from estate_config.testing.watching import touches
from estate_config_providers.fixture import spec

pytest_plugins = ["pytester"]

# The whole of what a stranger writes: the provider that stands in the docstring of the contract, and the kit on it.
SHELF = textwrap.dedent(str(contract.__doc__).partition("A whole provider, in a few lines::\n")[2])
TEST = """
import pytest
import shelf_provider
from estate_config.contract import Context
from estate_config.testing import ProviderContract, Shelf


class TestShelf(ProviderContract):
    sdk = ("boto3",)

    @pytest.fixture
    def shelf(self, tmp_path):
        def put(key, value):
            path = tmp_path / "values" / key.name.replace("/", "_")
            path.write_bytes(value if key.binary else value.encode())

        (tmp_path / "values").mkdir()
        return Shelf(shelf_provider.spec, put, {"folder": "values"}, Context("test", tmp_path))
"""


@pytest.fixture
def stranger(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A distribution that is not of this repository, installed where Python finds it."""
    pytester.makepyfile(shelf_provider=SHELF, test_shelf=TEST)
    installed = pytester.mkdir("shelf-1.0.dist-info")
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: shelf\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[estate_config.providers]\nshelf = shelf_provider:spec\n")
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))
    return pytester


class TestStrangers:
    def test_a_providers_whole_test_is_one_subclass_and_one_fixture(self, stranger: pytest.Pytester) -> None:
        result = stranger.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error")
        result.assert_outcomes(passed=31, skipped=6)

    def test_an_sdk_that_comes_with_the_spec_is_named(self, stranger: pytest.Pytester) -> None:
        (stranger.path / "boto3.py").touch()
        with (stranger.path / "shelf_provider.py").open("a") as file:
            file.write("\nimport boto3\n")
        result = stranger.runpytest_subprocess("-p", "no:cacheprovider", "-k", "imports_no_sdk")
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*importing shelf_provider imports boto3: import it in fetch*"])

    def test_a_spec_that_cannot_be_imported_alone_is_named(self, stranger: pytest.Pytester) -> None:
        with (stranger.path / "shelf_provider.py").open("a") as file:
            file.write("\nimport sys\nif 'pytest' not in sys.modules:\n    raise ImportError('only in tests')\n")
        result = stranger.runpytest_subprocess("-p", "no:cacheprovider", "-k", "imports_no_sdk")
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*shelf_provider cannot be imported:*"])

    def test_a_provider_that_is_not_installed_is_not_found(self, stranger: pytest.Pytester) -> None:
        (stranger.path / "shelf-1.0.dist-info" / "entry_points.txt").unlink()
        result = stranger.runpytest_subprocess("-p", "no:cacheprovider", "-k", "entry_point")
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*0 entry points of the group 'estate_config.providers' have the name 'shelf'*"])

    def test_a_subclass_without_a_shelf_is_told_what_it_lacks(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            test_shelf="from estate_config.testing import ProviderContract\nclass TestShelf(ProviderContract): ..."
        )
        result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-k", "names_agree")
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["*TestShelf needs a fixture `shelf` that returns a Shelf*"])


def test_a_spec_that_no_entry_point_leads_to_fails() -> None:
    kit = ProviderContract()
    nobody = Shelf(replace(spec, name="nobody"), lambda *_: None)
    with pytest.raises(pytest.fail.Exception, match="0 entry points"):
        kit.test_the_spec_is_found_through_its_entry_point(nobody)
    with pytest.raises(pytest.fail.Exception, match="leads to another object"):
        kit.test_the_spec_is_found_through_its_entry_point(Shelf(replace(spec), lambda *_: None))


class TestStandardTests:
    def test_none_can_be_overridden_silently(self) -> None:
        with pytest.raises(TypeError, match=r"TestMine\.test_names_agree overrides a standard test"):

            class TestMine(ProviderContract):
                def test_names_agree(self, shelf: Shelf, provider: Provider) -> None:
                    pass

    def test_none_can_be_taken_away(self) -> None:
        taken: dict[str, Any] = {"test_names_agree": None}
        with pytest.raises(TypeError, match="overrides a standard test"):
            type("TestMine", (ProviderContract,), taken)

    def test_none_can_be_overridden_by_a_mixin(self) -> None:
        mixin = type("Mixin", (), {"test_names_agree": lambda _: None})
        with pytest.raises(TypeError, match="overrides a standard test"):
            type("TestMine", (mixin, ProviderContract), {})

    @pytest.mark.parametrize("mark", [pytest.mark.xfail, pytest.mark.xfail(reason=""), pytest.mark.skip(reason="slow")])
    def test_an_override_needs_a_reason_and_an_expected_failure(self, mark: pytest.MarkDecorator) -> None:

        def test_names_agree(kit: object) -> None: ...

        with pytest.raises(TypeError, match=r"say why it cannot pass: @pytest\.mark\.xfail\(reason=…\)"):
            type("TestMine", (ProviderContract,), {"test_names_agree": mark(test_names_agree)})

    def test_an_override_with_a_reason_is_let_through_and_tests_can_be_added(self) -> None:
        def test_names_agree(kit: object) -> None: ...

        mark = pytest.mark.xfail(reason="the store has no names")
        own = {"test_names_agree": mark(test_names_agree), "test_mine": lambda _: None, "key": ProviderContract.key}
        assert issubclass(type("TestMine", (ProviderContract,), own), ProviderContract)


class TestImport:
    def test_it_imports_neither_pytest_nor_hypothesis_before_the_kit_is_asked_for(self) -> None:
        program = (
            "import sys, estate_config.testing as t; before = {'pytest', 'hypothesis'} & set(sys.modules);"
            "t.Shelf; shelf = {'pytest', 'hypothesis'} & set(sys.modules); t.ProviderContract;"
            "print(before, shelf, 'hypothesis' in sys.modules)"
        )
        ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert ran.stdout.split() == ["set()", "set()", "True"]

    def test_its_public_names_are_these(self) -> None:
        assert {"ProviderContract", "Shelf"} <= set(estate_config.testing.__all__)
        with pytest.raises(AttributeError, match="no attribute 'Shelves'"):
            estate_config.testing.Shelves  # noqa: B018 - that it raises is the test


class TestStores:
    """What a store cannot hold is not asked of it, and what it can hold is."""

    class Narrow(ProviderContract):
        binary: ClassVar[bool] = False
        empty_values: ClassVar[bool] = False
        cannot_hold: ClassVar[str] = "\n\r\0ü"
        largest: ClassVar[int] = 100

    def shelf(self, held: list[str | bytes]) -> Shelf:
        values: dict[str, Any] = {}

        def put(key: Key, value: str | bytes) -> None:
            held.append(value)
            values[key.field] = value

        return Shelf(spec, put, options={"values": values})

    def test_a_narrow_store_is_given_what_it_can_hold(self) -> None:
        held: list[str | bytes] = []
        shelf = self.shelf(held)
        kit = self.Narrow()
        for name in (
            "any_text_comes_back",
            "text_that_looks_like_something_else_stays_text",
            "the_largest_value_comes_back",
        ):
            getattr(kit, f"test_{name}")(shelf, shelf.build())
        assert len(held) > 20
        assert all(
            isinstance(value, str) and 0 < len(value) <= 1000 and not set(value) & set("\n\r\0ü") for value in held
        )
        assert max(len(value) for value in held if isinstance(value, str) and value.startswith("0123456789")) == 100

    @pytest.mark.parametrize(
        ("test", "reason"),
        [
            ("newlines_come_back", "cannot hold a newline"),
            ("an_empty_value_is_found", "cannot tell an empty value from none"),
            ("binary_comes_back", "holds no bytes"),
            ("any_bytes_come_back", "holds no bytes"),
            ("a_key_that_cannot_be_answered_fails_alone", "no way to spoil one key"),
            ("a_store_that_cannot_answer_at_all_raises_a_provider_error", "no way to ruin"),
            ("a_store_that_hangs_is_left_at_the_deadline", "no way to hang"),
            ("a_probe_finds_what_is_there_without_its_value", "does not offer Prober"),
            ("a_probe_of_a_key_that_cannot_be_answered_says_so", "does not offer Prober"),
        ],
    )
    def test_what_is_not_asked_is_skipped_with_its_reason(self, test: str, reason: str) -> None:
        shelf = self.shelf([])
        with pytest.raises(pytest.skip.Exception, match=reason):
            getattr(self.Narrow(), f"test_{test}")(shelf, shelf.build())

    def test_a_provider_error_is_an_answer_to_a_fetch_after_close_and_to_a_hang(self) -> None:
        values: dict[str, Any] = {}

        def refuse(_: Key) -> object:
            raise ProviderError(Code.UNAVAILABLE, "cannot be reached, says the test")

        shelf = replace(self.shelf([]), put=lambda *_: None, options={"values": refuse}, hang=lambda _: None)
        kit, provider = ProviderContract(), shelf.build()
        turns = iter((False, True, False, True))

        class Turning:
            """Answers the first time, and raises the second."""

            locate, close = provider.locate, provider.close

            def fetch(self, keys: Any, deadline: Deadline) -> Any:
                return provider.fetch(keys, deadline) if next(turns) else values

        kit.test_a_fetch_after_close_works_or_says_so(shelf, Turning())
        kit.test_a_store_that_hangs_is_left_at_the_deadline(shelf, Turning())


class TestMessages:
    """A stranger reads them at three in the morning."""

    KEY = Key("kit/one", "kit_one")

    def test_a_failure_is_not_called_absence(self) -> None:
        with pytest.raises(pytest.fail.Exception, match="kit/one failed, though the store holds it: DENIED: is denied"):
            require_value({self.KEY: Failed(Code.DENIED, "is denied")}, self.KEY, "x")

    def test_absence_is_called_so(self) -> None:
        with pytest.raises(pytest.fail.Exception, match="kit/one was left out, though the store holds it"):
            require_value({}, self.KEY, "x")

    def test_lacking_and_extra_keys_are_named(self) -> None:
        with pytest.raises(pytest.fail.Exception, match="left out, though the store holds them: kit/one"):
            require_values({}, {self.KEY: "x"})
        with pytest.raises(pytest.fail.Exception, match="nobody asked for them or nothing holds them: kit/one"):
            require_values({self.KEY: Failed(Code.DENIED, "is denied")}, {})


START = "_thread.start_joinable_thread" if hasattr(_thread, "start_joinable_thread") else "_thread.start_new_thread"

# Threads start after a watch, under a tracer as coverage sets one.
STARTING = """
import sys, threading
from estate_config.testing.watching import touches
with touches():
    pass
sys.setswitchinterval(1e-6)
threading.settrace(lambda *_: None)
def start():
    for _ in range(1000):
        thread = threading.Thread(target=len, args=("",), daemon=True)
        thread.start()
        thread.join()
starting = [threading.Thread(target=start) for _ in range(4)]
for one in starting:
    one.start()
for one in starting:
    one.join()
"""


class TestWatching:
    @pytest.mark.parametrize(
        ("touch", "name"),
        [
            (lambda path: path.exists(), "posix.stat"),
            (os.path.lexists, "posix.lstat"),
            (lambda path: os.access(path, os.R_OK), "posix.access"),
            (lambda path: path.open("w").close(), f"{open.__module__}.open"),
            (lambda path: path.write_text("x"), f"{open.__module__}.open"),
            (lambda _: io.FileIO("/dev/null").close(), "FileIO.close"),
            (lambda path: os.listdir(path.parent), "posix.listdir"),  # noqa: PTH208 - the call that is watched
            (lambda _: os.unsetenv("KIT_NEVER_SET"), "posix.unsetenv"),
            (lambda _: socket.socket().close(), "socket.close"),
            (lambda _: socket.getaddrinfo("127.0.0.1", 1), "_socket.getaddrinfo"),
            (lambda _: sqlite3.connect(":memory:").close(), f"{sqlite3.connect.__module__}.connect"),
            (lambda _: ssl.create_default_context(), "SSLContext.set_default_verify_paths"),
            (lambda _: subprocess.run(["true"], check=True), "_posixsubprocess.fork_exec"),
            (lambda _: threading.Thread(target=len, args=("",)).start(), START),
        ],
    )
    def test_whatever_leaves_the_memory_is_seen(self, tmp_path: Path, touch: Any, name: str) -> None:
        with touches() as touched:
            touch(tmp_path / "file")
        assert name in touched

    def test_memory_and_other_threads_are_not(self, tmp_path: Path) -> None:
        go, gone = threading.Event(), threading.Event()

        def other() -> None:
            go.wait(10)
            (tmp_path / "file").write_text(str(tmp_path.exists()))
            gone.set()

        thread = threading.Thread(target=other)
        thread.start()
        with touches() as touched:
            go.set()
            gone.wait(10)
            sorted(os.environ)
        thread.join()
        assert touched == []

    def test_after_the_block_the_profiler_of_before_is_back(self) -> None:
        seen: list[str] = []

        def mine(_frame: object, event: str, _called: object) -> None:
            seen.append(event)

        sys.setprofile(mine)
        try:
            with touches():
                pass
            assert sys.getprofile() is mine
        finally:
            sys.setprofile(None)

    def test_threads_that_start_under_coverage_are_left_alone(self) -> None:
        """An audit hook made `sys.settrace` fail in one of two threads that start together: the CI fell over it."""
        done = subprocess.run([sys.executable, "-c", STARTING], capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_shelf_shows_no_options() -> None:
    shelf = Shelf(spec, lambda *_: None, options={"values": {"kit_one": "hunter2"}})
    assert "hunter2" not in repr(shelf)
    require_value(fetch(shelf.build(), [Key("kit/one", "kit_one")]), Key("kit/one", "kit_one"), "hunter2")
