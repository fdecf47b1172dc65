"""Answers from settings files that dynaconf layers, read at the time of asking, or from a `Dynaconf` object."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from estate_config.contract import Context
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Found, Key, Notice, Origin, Place
from estate_config.small_file import notice_if_open
from estate_config_providers.dynaconf.finding import ABSENT, Layered, find, origin, plain
from estate_config_providers.dynaconf.options import DynaconfOptions
from estate_config_providers.dynaconf.reading import Document, read_document

_TABLE = "correct [providers.dynaconf]"


class LayeredSettings:
    """Answers `database/url` with `database.url` of the environment's section, of `[default]`, or of `[global]`."""

    def __init__(self, options: DynaconfOptions, context: Context) -> None:
        self._options = options
        self._base = context.folder
        self._folder = context.folder / (options.root or "")
        self._files = [self._folder / file for file in options.files]
        self._section = "" if options.environment is False else options.environment or context.environment
        self._lock = threading.Lock()

    def locate(self, key: Key) -> Place:
        """Return the file and section to put a value into; which of them has one, only reading can tell."""
        name = ".".join(_path(key))
        if self._options.settings is not None:
            return Place(f"dynaconf: {name}", f"set {name} where your Dynaconf object reads")
        file = next((file for file in self._files if key.secret and _is_secret(file)), self._files[0])
        place = _place(self._shown(file), self._section, name)
        if file.suffix == ".toml":
            head = f"[{self._section}]\n" if self._section else ""
            return Place(place, f'add to {self._shown(file)}:\n{head}{name} = "<value>"')
        return Place(place, f"add {f'{self._section}.' if self._section else ''}{name} to {self._shown(file)}")

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:  # noqa: ARG002 - local
        """Answer from the files as they are now. A file that is missing or cannot be read is a `ProviderError`."""
        answers = self._answers(keys) if keys else {}
        if isinstance(answers, ProviderError):
            raise answers
        return answers

    def close(self) -> None:
        """Nothing is held."""

    def inspect(self, keys: Sequence[Key]) -> Sequence[Notice]:  # noqa: ARG002 - the files are the same for all keys
        """Return a notice for each file of secrets that others than its owner can read or write."""
        secret = filter(_is_secret, (*self._files, *map(_local, self._files)))
        return [notice for path in secret if (notice := notice_if_open(path, self._shown(path)))]

    def _answers(self, keys: Sequence[Key]) -> dict[Key, Found | Failed] | ProviderError:
        """Return the error instead of raising it: the frame of who raises must hold no value."""
        try:
            import dynaconf  # noqa: F401 - whether it is there
        except ModuleNotFoundError:
            return ProviderError(Code.PLUGIN, "needs dynaconf", "pip install 'estate-config[dynaconf]'")
        layered = self._from_files() if self._options.settings is None else self._from_object()
        if isinstance(layered, ProviderError):
            return layered
        answers = {key: self._answer(key, layered) for key in keys}
        return {key: answer for key, answer in answers.items() if answer is not None}

    # --- what is layered ---------------------------------------------------------------------------------------------

    def _from_files(self) -> Layered | ProviderError:
        from estate_config_providers.dynaconf.layering import add_variables, layer

        documents: dict[str, Document] = {}
        problems: list[Failed] = []
        for path in dict.fromkeys((*self._files, *map(_local, self._files))):
            document = read_document(path)
            problem = self._problem(path, document)
            if problem is not None:
                problems.append(problem)
            elif isinstance(document, dict):
                documents[self._shown(path)] = document
        if problems:
            fixes = "\n".join(dict.fromkeys(problem.fix for problem in problems if problem.fix))
            return ProviderError(problems[0].code, "cannot be used: " + "; ".join(p.hint for p in problems), fixes)
        try:
            layered = layer(documents, self._section, evaluate=self._options.evaluate)
            prefix = self._options.envvar_prefix
            return add_variables(layered, prefix.upper(), _variables(prefix)) if prefix else layered
        except Exception as error:  # noqa: BLE001 - whatever dynaconf raises, it may hold a value
            kind = type(error).__name__
        hint = f"cannot be used: dynaconf cannot layer {', '.join(documents)} ({kind})"
        return ProviderError(Code.MALFORMED, hint, "see that each section is a table, and each token what it should be")

    def _problem(self, path: Path, document: Document | Failed | None) -> Failed | None:
        shown = self._shown(path)
        if document is None and path in self._files:
            return Failed(Code.UNAVAILABLE, f"there is no {shown}", f"make the file {shown}, or {_TABLE}")
        if isinstance(document, Failed):
            return Failed(document.code, f"{shown} {document.hint}", document.fix)
        orders = sorted(_orders(document or {}, in_sections=bool(self._section)))
        if orders:
            hint = f"{shown} sets {', '.join(orders)}: dynaconf's own options are taken from estate.toml alone"
            return Failed(Code.SCHEMA, hint, f"remove them from {shown}, and {_TABLE}")
        return None

    def _from_object(self) -> Layered | ProviderError:
        from estate_config_providers.dynaconf.layering import layers_of

        try:
            with self._lock:  # it may read its files now, and is not made for two threads then
                return layers_of(self._options.settings)
        except Exception as error:  # noqa: BLE001 - whatever it raises, it may hold a value
            kind = type(error).__name__
        hint = f"cannot be used: the Dynaconf object of `settings` cannot be read ({kind})"
        return ProviderError(Code.UNAVAILABLE, hint, "read it by hand and see what it says: settings.as_dict()")

    # --- one key -----------------------------------------------------------------------------------------------------

    def _answer(self, key: Key, layered: Layered) -> Found | Failed | None:
        path = _path(key)
        found = find(layered.settings.store, path)
        if found is ABSENT:
            return None
        try:
            value = plain(found, layered.settings, evaluate=self._options.evaluate)
        except Exception as error:  # noqa: BLE001 - whatever a template raises, it may hold a value
            value = Failed(Code.MALFORMED, f"is a template that cannot be evaluated ({type(error).__name__})")
        value = _checked(value, binary=key.binary)
        if isinstance(value, Failed):
            return Failed(value.code, value.hint, value.fix or self.locate(key).fix)
        place = self._origin(path, layered)
        change = f"correct {place}" if place else ""
        return Found(value, Origin("dynaconf", place or self.locate(key).text, change=change))

    def _origin(self, path: Sequence[str], layered: Layered) -> str | None:
        found = origin(layered, path)
        if found is None:
            return None
        layer, names = found
        if layer.variables:
            return "_".join(filter(None, (layer.source, "__".join(names))))
        return _place(self._shown(Path(layer.source)), layer.section, ".".join(path))

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self._base) if path.is_relative_to(self._base) else path)


def _path(key: Key) -> list[str]:
    """Return the way to a key, `database/url` → `database`, `url`. An address may have dots or dynaconf's `__`."""
    name = key.name.replace("/", ".") if key.address is None else key.address.replace("__", ".")
    return name.split(".")


def _place(file: str, section: str, name: str) -> str:
    return f"{file} [{section}] {name}" if section else f"{file} {name}"


def _local(file: Path) -> Path:
    """Return the file that dynaconf reads over all others where it is there: `settings.local.toml`."""
    return file if ".local." in file.name else file.with_name(f"{file.stem}.local{file.suffix}")


def _is_secret(file: Path) -> bool:
    return "secret" in file.name.lower()


def _variables(prefix: str) -> dict[str, str]:
    begin = f"{prefix.upper()}_"
    named = {name.removeprefix(begin): value for name, value in os.environ.items() if name.startswith(begin)}
    return {name: value for name, value in named.items() if not _is_order(name)}


def _orders(document: Mapping[str, Any], *, in_sections: bool) -> set[str]:
    """Return the names by which a file would tell dynaconf what to do: to read other files, to evaluate tokens."""
    tables = [document, *(table for table in document.values() if in_sections and isinstance(table, dict))]
    names = {name for table in tables for name in table if isinstance(name, str)}
    return set(filter(_is_order, names))


def _is_order(name: str) -> bool:
    return name.upper().endswith("_FOR_DYNACONF") or name.upper() == "DYNACONF_INCLUDE"


def _checked(value: object, *, binary: bool) -> object:
    if value is None:
        return Failed(Code.NO_VALUE, "is there, and null")
    if not binary or isinstance(value, (bytes, Failed)):
        return value
    if isinstance(value, str):
        return value.encode()
    return Failed(Code.MALFORMED, f"is a {type(value).__name__}, and a binary field takes a text")
