"""The provider `files`: mounts as Docker, Kubernetes and CSI make them, and what may stand in a file's place."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from estate_config.contract import Context
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Found, Key
from estate_config_providers.files import inside_folder, spec
from estate_config_providers.files.mounted_files import MountedFiles

URL = Key("database/url", "database_url")
OUTSIDE = "is a link that leads out of the folder"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "mount"
    path.mkdir()
    return path


def build(folder: Path | str, base: Path = Path()) -> MountedFiles:
    built = spec.build(spec.options(folder=folder), Context(environment="production", folder=base))
    assert isinstance(built, MountedFiles)
    return built


def fetch(folder: Path, *keys: Key) -> Mapping[Key, Found | Failed]:
    return build(folder).fetch(keys, Deadline(5))


def value(folder: Path, key: Key = URL) -> object:
    answer = fetch(folder, key)[key]
    assert isinstance(answer, Found)
    assert answer.origin.provider == "files"
    return answer.value


def failure(folder: Path, key: Key = URL) -> Failed:
    answer = fetch(folder, key)[key]
    assert isinstance(answer, Failed)
    return answer


def at(address: str, *, binary: bool = False) -> Key:
    return Key("database/url", "database_url", address=address, binary=binary)


class TestNames:
    def test_a_slash_becomes_what_kubernetes_allows_and_case_is_kept_t27(self, folder: Path) -> None:
        """T27: one rule, and no second guess."""
        (folder / "database_url").write_text("x")
        assert value(folder) == "x"
        assert build(folder).locate(Key("Database/URL", "a")).text == f"{folder}/Database_URL"
        assert fetch(folder, Key("Database/URL", "a")) == {}

    def test_an_address_is_a_path_in_the_folder(self, folder: Path) -> None:
        (folder / "rds").mkdir()
        (folder / "rds" / "url").write_text("x")
        (answer,) = fetch(folder, at("rds/url")).values()
        assert isinstance(answer, Found)
        assert (answer.value, answer.origin.place) == ("x", f"{folder}/rds/url")

    @pytest.mark.parametrize("address", ["/etc/hostname", "../secret", "a/../../secret", "", ".", "#member"])
    def test_an_address_that_is_no_path_inside_the_folder_is_refused(self, folder: Path, address: str) -> None:
        (folder.parent / "secret").write_text("hunter2")
        answer = failure(folder, at(address))
        assert answer.code is Code.SCHEMA
        assert answer.hint.startswith("is not a path inside the folder")
        assert answer.fix == "correct the field's files=…"

    def test_a_place_says_how_to_fill_it_without_a_file(self) -> None:
        provider = build("/run/secrets")
        whole, member = provider.locate(URL), provider.locate(at("rds#password"))
        assert (whole.text, whole.fix) == (
            "/run/secrets/database_url",
            "put the value, and nothing else, into the file /run/secrets/database_url",
        )
        assert (member.text, member.fix) == (
            "/run/secrets/rds#password",
            "put a member 'password' into the JSON object in the file /run/secrets/rds",
        )

    def test_a_relative_folder_starts_from_that_of_estate_toml(self, folder: Path) -> None:
        (folder / "database_url").write_text("x")
        answers = build("mount", base=folder.parent).fetch([URL], Deadline(5))
        assert isinstance(answers[URL], Found)

    def test_a_folder_has_to_be_named(self) -> None:
        with pytest.raises(ValidationError, match="folder"):
            spec.options.model_validate({})


class TestContent:
    @pytest.mark.parametrize(
        ("content", "text"),
        [(b"0123\n", "0123"), (b"x\r\n", "x"), (b"x\n\n", "x\n"), (b" x ", " x "), (b"", ""), ("ü".encode(), "ü")],
    )
    def test_text_loses_one_trailing_newline_and_nothing_else_t15(
        self, folder: Path, content: bytes, text: str
    ) -> None:
        """T15, T13: what an editor adds goes, all else stays, and no type is guessed."""
        (folder / "database_url").write_bytes(content)
        assert value(folder) == text

    def test_binary_is_left_as_it_is(self, folder: Path) -> None:
        (folder / "key").write_bytes(b"\x00\xff\n")
        assert value(folder, Key("key", "key", binary=True)) == b"\x00\xff\n"

    def test_bytes_that_are_no_text_are_malformed_for_a_text_field(self, folder: Path) -> None:
        (folder / "database_url").write_bytes(b"hunter2\xff")
        answer = failure(folder)
        assert (answer.code, answer.hint) == (Code.MALFORMED, "is not UTF-8 text")
        assert "SecretBytes" in answer.fix

    def test_a_file_of_64_kib_is_read_and_one_byte_more_is_not(self, folder: Path) -> None:
        (folder / "database_url").write_bytes(b"x" * 65_536)
        assert value(folder) == "x" * 65_536
        (folder / "database_url").write_bytes(b"x" * 65_537)
        assert failure(folder).hint == "is larger than 65,536 bytes, the most that is read"

    def test_members_of_one_json_file_are_read_from_one_reading_t24(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """T24: five fields of one file open it once."""
        (folder / "rds").write_text('{"password": "x", "port": 5432, "host": "h"}')
        opened = []
        real = os.open

        def counting(path: str, *args: Any, **kwargs: Any) -> int:
            opened.append(str(path))
            return real(path, *args, **kwargs)

        keys = [at("rds#password"), at("rds#port"), at("rds#host", binary=True), at("rds#absent")]
        monkeypatch.setattr(os, "open", counting)
        answers = fetch(folder, *keys)
        monkeypatch.undo()
        assert [answer.value for answer in answers.values() if isinstance(answer, Found)] == ["x", "5432", b"h"]
        assert {answer.origin.place for answer in answers.values() if isinstance(answer, Found)} == {
            f"{folder}/rds#{member}" for member in ("password", "port", "host")
        }
        assert keys[3] not in answers
        assert opened.count("rds") == 1

    @pytest.mark.parametrize("content", [b"hunter2", b'{"password": "\xff"}', b'["hunter2"]', b'{"password": null}'])
    def test_a_file_that_has_no_such_members_says_so_without_its_text_t2(self, folder: Path, content: bytes) -> None:
        """T2: a JSON error would carry the whole document."""
        (folder / "rds").write_bytes(content)
        answer = failure(folder, at("rds#password"))
        assert answer.code in {Code.MALFORMED, Code.NO_VALUE}
        assert "hunter2" not in repr(answer)


class TestKubernetes:
    @pytest.fixture
    def volume(self, folder: Path) -> Path:
        self.turn_over(folder, "..2026_01_31_12_00_00.1", "first")
        (folder / "database_url").symlink_to("..data/database_url")
        return folder

    @staticmethod
    def turn_over(folder: Path, name: str, content: str) -> None:
        """What the kubelet does on an update: a new folder, `..data` turned to it in one step, the old one removed."""
        data = folder / "..data"
        old = data.readlink() if data.is_symlink() else None
        (folder / name).mkdir()
        (folder / name / "database_url").write_text(content)
        (folder / "..data_tmp").symlink_to(name)
        (folder / "..data_tmp").replace(data)
        if old is not None:
            (folder / old / "database_url").unlink()
            (folder / old).rmdir()

    def test_its_own_links_are_followed_t15(self, volume: Path) -> None:
        """T15: `key -> ..data/key`, `..data -> ..2026…`."""
        assert value(volume) == "first"
        self.turn_over(volume, "..2026_01_31_12_01_00.2", "second")
        assert value(volume) == "second"

    def test_an_update_in_the_middle_of_a_read_is_read_again_and_never_absent(
        self, volume: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = os.path.realpath
        turns = iter(range(1))  # one turn, in the first reading

        def turned_over_just_after(path: str) -> str:
            resolved = real(path)
            if "..2026" in resolved and next(turns, None) is not None:
                self.turn_over(volume, "..2026_01_31_12_01_00.2", "second")
            return resolved

        monkeypatch.setattr(os.path, "realpath", turned_over_just_after)
        assert value(volume) == "second"
        assert next(turns, None) is None

    def test_an_update_in_the_middle_of_resolving_is_resolved_again(
        self, volume: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real, turns = os.path.realpath, iter(range(1))

        def link_gone(path: str) -> str:
            if path.endswith("database_url") and next(turns, None) is not None:
                raise FileNotFoundError(2, "a link that was there a moment ago")
            return real(path)

        monkeypatch.setattr(os.path, "realpath", link_gone)
        assert value(volume) == "first"
        assert next(turns, None) is None

    def test_a_link_that_leads_to_nothing_is_malformed_and_not_absent(self, volume: Path) -> None:
        (volume / "..data").unlink()
        answer = failure(volume)
        assert (answer.code, answer.hint) == (Code.MALFORMED, "is a link that leads to nothing")

    def test_a_link_in_a_circle_is_malformed(self, folder: Path) -> None:
        (folder / "database_url").symlink_to("database_url")
        assert failure(folder).code is Code.MALFORMED

    def test_the_folder_itself_may_be_a_link(self, volume: Path) -> None:
        """`/var/run` is a link to `/run`."""
        link = volume.parent / "link"
        link.symlink_to(volume)
        assert value(link) == "first"


class TestWaysOut:
    """T15: links are followed inside the folder and never out of it."""

    @pytest.fixture
    def secret(self, tmp_path: Path) -> Path:
        path = tmp_path / "mount-of-another"  # its path begins as the folder's does
        path.mkdir()
        (path / "database_url").write_text("hunter2")
        return path

    def test_a_link_to_a_file_outside_is_denied_t15(self, folder: Path, secret: Path) -> None:
        (folder / "database_url").symlink_to(secret / "database_url")
        answer = failure(folder)
        assert (answer.code, answer.hint) == (Code.DENIED, OUTSIDE)

    def test_a_link_to_a_folder_outside_is_denied_t15(self, folder: Path, secret: Path) -> None:
        (folder / "sub").symlink_to(f"../{secret.name}")
        assert failure(folder, at("sub/database_url")).hint == OUTSIDE

    def test_a_link_to_the_folder_itself_is_a_directory(self, folder: Path) -> None:
        (folder / "database_url").symlink_to(".")
        assert failure(folder).hint == "is a directory, not a file"

    @pytest.mark.parametrize("where", ["file", "folder"])
    def test_a_link_put_in_after_the_path_was_resolved_leads_nowhere_t15(
        self, folder: Path, secret: Path, monkeypatch: pytest.MonkeyPatch, where: str
    ) -> None:
        sub = folder / "sub"
        sub.mkdir()
        (sub / "database_url").write_text("mine")
        real = os.path.realpath

        def swapped_just_after(path: str) -> str:
            resolved = real(path)
            if path.endswith("sub/database_url") and not (sub / "database_url").is_symlink():
                (sub / "database_url").unlink()
                if where == "file":
                    (sub / "database_url").symlink_to(secret / "database_url")
                else:
                    sub.rmdir()
                    sub.symlink_to(secret)
            return resolved

        monkeypatch.setattr(os.path, "realpath", swapped_just_after)
        answers = inside_folder.read_inside(str(folder), "sub/database_url")
        monkeypatch.undo()
        assert isinstance(answers, Failed)
        assert answers.code is Code.MALFORMED


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


class TestThingsInAFilesPlace:
    @pytest.mark.parametrize(
        ("make", "hint"),
        [
            (Path.mkdir, "is a directory, not a file"),
            (os.mkfifo, "is a FIFO, a socket or a device, not a file"),
            (bind, "is a FIFO, a socket or a device, not a file"),
        ],
        ids=["directory", "fifo", "socket"],
    )
    def test_they_are_malformed_and_hold_nobody_up_t15(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], hint: str
    ) -> None:
        """T15: no silence about what is not a file, and no waiting for a FIFO."""
        monkeypatch.chdir(folder)  # the path of a socket may have 107 bytes
        make(Path("database_url"))
        answer = failure(folder)
        assert (answer.code, answer.hint) == (Code.MALFORMED, hint)
        assert answer.fix == f"put the value, and nothing else, into the file {folder}/database_url"

    def test_a_file_where_the_address_has_a_folder_is_malformed(self, folder: Path) -> None:
        (folder / "rds").write_text("x")
        assert failure(folder, at("rds/url")).code is Code.MALFORMED

    def test_a_name_that_no_file_can_have_is_malformed(self, folder: Path) -> None:
        assert failure(folder, at("a\0b")).code is Code.MALFORMED
        assert failure(folder, at("n" * 300)).code is Code.MALFORMED


class TestFailures:
    def error(self, folder: Path) -> ProviderError:
        with pytest.raises(ProviderError) as caught:
            fetch(folder, URL)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        return caught.value

    def test_no_folder_is_not_the_same_as_no_secret_t9(self, tmp_path: Path) -> None:
        """T9: a volume that was not mounted stops the start."""
        problem = self.error(tmp_path / "nowhere")
        assert problem.code is Code.UNAVAILABLE
        assert problem.hint == f"has no folder {tmp_path / 'nowhere'} to read from: is the volume mounted?"
        assert "folder" in problem.fix

    def test_a_file_for_the_folder_is_malformed(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        problem = self.error(tmp_path / "file")
        assert (problem.code, problem.hint) == (Code.MALFORMED, f"cannot be used: {tmp_path / 'file'} is not a folder")

    def test_a_folder_that_may_not_be_read_is_denied_t9(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """T9: (the call is made to fail, since root may read everything)."""
        monkeypatch.setattr(os, "scandir", deny)
        problem = self.error(folder)
        monkeypatch.undo()
        assert problem.code is Code.DENIED
        assert problem.hint == f"cannot be used: the folder {folder} may not be read by this process"

    @pytest.mark.parametrize("nth", [0, 1, 2])
    def test_a_step_on_the_way_that_is_denied_is_never_absent_t9(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, nth: int
    ) -> None:
        """T9: the folder, a folder in it, and the file itself."""
        (folder / "sub").mkdir()
        (folder / "sub" / "url").write_text("hunter2")
        real, steps = os.open, iter(range(3))

        def deny_one(*args: Any, **kwargs: Any) -> int:
            return deny() if next(steps) == nth else real(*args, **kwargs)

        monkeypatch.setattr(os, "open", deny_one)
        answer = failure(folder, at("sub/url"))
        monkeypatch.undo()
        assert answer.code is Code.DENIED

    def test_what_cannot_be_looked_at_is_not_absent(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        real = os.lstat

        def deny_the_key(path: str, **kwargs: Any) -> os.stat_result:
            if str(path).endswith("database_url"):
                deny()
            return real(path, **kwargs)

        monkeypatch.setattr(os, "lstat", deny_the_key)
        answers = fetch(folder, URL)
        monkeypatch.undo()
        assert isinstance(answers[URL], Failed)

    def test_one_bad_file_leaves_the_others_their_values(self, folder: Path) -> None:
        (folder / "database_url").mkdir()
        (folder / "good").write_text("x")
        good = Key("good", "good")
        answers = fetch(folder, URL, good, Key("absent", "absent"))
        assert set(answers) == {URL, good}
        assert isinstance(answers[good], Found)

    def test_every_descriptor_is_given_back(self, folder: Path) -> None:
        (folder / "sub").mkdir()
        (folder / "sub" / "url").write_text("x")
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a list is what is counted
        fetch(folder, at("sub/url"), at("sub/sub/url"), at("sub"), URL)
        assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - as above


def deny(*_: object, **__: object) -> int:
    raise PermissionError(13, "hunter2")
