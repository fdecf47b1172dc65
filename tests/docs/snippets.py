"""The snippets of a Markdown page, and how they are run: in the order of the page, in one folder, as a reader would.

- A snippet whose first line is a comment with a file name (`# estate.toml`, `# services/ai.py: the schema`) is that
  file. Files of Python are imported, so that what stands in them runs.
- Any other Python is a program of its own. A TOML table is read as `estate.toml` would be, providers' options included.
- `bash` runs, and must not fail. `console` has commands after `$ `, and below each what it prints; `…` stands for
  anything within a line, and `/srv/estate` is the folder.
- `json` and `yaml` must be readable. Other languages are shown and not run.

A snippet that cannot run says why, in the line above it: `<!-- not run: needs a cluster -->`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from estate_config import discovery, environments
from estate_config.contract import Context

ROOT = Path(__file__).parents[2]
_LIMIT = 60.0
"""Seconds that one snippet may take."""

_FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>\S.*?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_FILE = re.compile(r"# (?P<name>[\w./-]*\.\w+)(?=:|\s|$)")


@dataclass(frozen=True)
class Snippet:
    page: Path
    line: int
    language: str
    text: str
    reason: str | None
    """Why it is not run."""

    @property
    def file(self) -> str | None:
        """The file that it is."""
        named = _FILE.match(self.text)
        return named["name"] if named else None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def snippets(page: Path) -> Iterator[Snippet]:
    text = page.read_text("utf-8")
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start("text"))
        yield Snippet(page, line, match["language"], match["text"], match["reason"])


def run(snippet: Snippet, folder: Path) -> None:
    """Run a snippet in its page's folder. Raises `AssertionError` with what it printed if it does not work."""
    if snippet.reason:
        return
    if snippet.file:
        _write(snippet, folder / snippet.file)
    match snippet.language:
        case "python":
            module = (snippet.file or "").removesuffix(".py").replace("/", ".")
            _python(snippet, f"import {module}" if module else snippet.text, folder)
        case "toml":
            _table(snippet, tomllib.loads(snippet.text), folder)
        case "bash":
            _bash(snippet, f"set -euo pipefail\n{snippet.text}", folder)
        case "console":
            _console(snippet, folder)
        case "json":
            json.loads(snippet.text)
        case "yaml":
            list(yaml.safe_load_all(snippet.text))
        case _:
            pass


def _write(snippet: Snippet, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(snippet.text, encoding="utf-8")
    if file.name.startswith(".env"):
        file.chmod(0o600)


def environment(folder: Path) -> dict[str, str]:
    """Return the variables of a reader with nothing set, whose way out of the machine leads nowhere."""
    nowhere = "http://127.0.0.1:9"
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
        "NO_PROXY": "127.0.0.1,localhost",
        "AWS_ENDPOINT_URL": nowhere,
        "AWS_EC2_METADATA_DISABLED": "true",
        "COLUMNS": "120",
    }


def _done(snippet: Snippet, command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_LIMIT,
        check=False,
    )
    assert done.returncode == 0, f"{snippet}\n{done.stdout}"
    return done


def _python(snippet: Snippet, code: str, folder: Path) -> None:
    _done(snippet, [sys.executable, "-W", "error", "-c", code], folder)


def _bash(snippet: Snippet, script: str, folder: Path) -> str:
    return _done(snippet, ["bash", "-c", script], folder).stdout


def _table(snippet: Snippet, table: dict[str, Any], folder: Path) -> None:
    table = table.get("tool", {}).get("estate", {}) if "tool" in table else table
    options: dict[str, Mapping[str, Any]] = dict(table.get("providers", {}))
    if "environments" in table:
        estate = environments.read(table)
        for name in table["environments"]:
            chosen = estate.choose(name)
            options |= chosen.providers
            for entry in chosen.chain:
                _built(snippet, entry.provider, chosen.providers.get(entry.provider, {}), folder)
    for provider, given in options.items():
        _built(snippet, provider, given, folder)


def _built(snippet: Snippet, provider: str, options: Mapping[str, Any], folder: Path) -> None:
    discovery.build(discovery.find(provider), options, Context("docs", folder), str(snippet))


FOLDER = "/srv/estate"
"""How the pages call the folder that they run in; columns may be wider than they show."""
_MARK = "\x1e"


def _console(snippet: Snippet, folder: Path) -> None:
    commands, outputs = [], []
    for line in snippet.text.splitlines():
        if line.startswith("$ "):
            commands.append(line[2:])
            outputs.append("")
        elif not outputs:
            raise AssertionError(f"{snippet}: output without a command")
        elif commands[-1].endswith("\\"):
            commands[-1] += f"\n{line}"
        else:
            outputs[-1] += f"{line}\n"
    script = "".join(f"{command}\ns=$?; printf {shlex.quote(_MARK)}; (exit $s)\n" for command in commands)
    printed = _bash(snippet, f"{script}exit 0", folder).split(_MARK)
    for command, expected, actual in zip(commands, outputs, printed, strict=False):
        pattern = re.sub(r"(\\ ){2,}", " +", re.escape(expected)).replace("…", "[^\n]*?")
        assert re.fullmatch(pattern, actual.replace(str(folder), FOLDER)), (
            f"{snippet}: $ {command}\nexpected:\n{expected}\nprinted:\n{actual}"
        )
