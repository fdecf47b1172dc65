"""The files of a beginning, as texts, and writing them: all of them or none, and over nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from estate_config.scaffold.drafts import Draft

BEGINNING = (
    Draft("api_key", "SecretStr", True, (("pydantic", "SecretStr"),), description="Replace it by your own secrets"),
    Draft(
        "log_level",
        'Literal["debug", "info", "warning"]',
        False,
        (("typing", "Literal"),),
        default='"info"',
        description="How much the service says",
    ),
)
"""What a schema begins with where there is nothing to take it from."""


def texts(service: str, drafts: Sequence[Draft], dynaconf_file: str | None = None) -> dict[str, str]:
    """Return the text of each file, by name."""
    cls = f"{''.join(part.capitalize() for part in re.split(r'[^A-Za-z0-9]+', service))}Settings"
    cls = cls if cls.isidentifier() else f"Service{cls}"
    return {
        "settings.py": _schema(service, cls, drafts),
        "estate.toml": _estate(service, cls, dynaconf_file),
        "test_settings.py": _test(service, cls, drafts),
    }


def taken(folder: Path, names: Sequence[str]) -> list[str]:
    """Return the names that are there already."""
    return [name for name in names if os.path.lexists(folder / name)]


def write(folder: Path, files: Mapping[str, str], example: Callable[[], str]) -> None:
    """Write the files, and then `.env.example`, which is made from them.

    Where one cannot be made or written, those before it are taken away again; whatever was raised, `OSError` say, is.
    """
    written: list[Path] = []
    try:
        for name, text in files.items():
            _write_new(folder / name, text, written)
        _write_new(folder / ".env.example", example(), written)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _write_new(path: Path, text: str, written: list[Path]) -> None:
    with path.open("x", encoding="utf-8") as file:  # never over one that came in the meantime
        written.append(path)
        file.write(text)


def _schema(service: str, cls: str, drafts: Sequence[Draft]) -> str:
    needed = {pair for draft in drafts for pair in draft.imports}
    words = sorted({"secret" if draft.secret else "setting" for draft in drafts})
    imports = _imports({pair for pair in needed if pair[0] == "typing"})
    others = _imports({pair for pair in needed if pair[0] != "typing"})
    blocks = [imports, others, f"from estate_config import Settings, lazy, {', '.join(words)}"]
    return (
        f'"""What {service} needs. Importing this does no I/O and needs no credentials."""\n\n'
        "from __future__ import annotations\n\n"
        + "\n\n".join(filter(None, blocks))
        + f'\n\n\nclass {cls}(Settings):\n    """Every setting and every secret of {service}."""\n\n'
        + "".join(f"    {_field(draft)}\n" for draft in drafts)
        + f"\n\nsettings = lazy({cls})\n"
    )


def _imports(pairs: set[tuple[str, str]]) -> str:
    modules = sorted({module for module, _ in pairs})
    return "\n".join(
        f"from {module} import {', '.join(sorted(name for owner, name in pairs if owner == module))}"
        for module in modules
    )


def _field(draft: Draft) -> str:
    words = [f"default={draft.default}"] if draft.default is not None else []
    words += [f"description={draft.description!r}"] if draft.description else []
    words += [f'env="{draft.env}"'] if draft.env else []
    words += [f'{draft.address[0]}="{draft.address[1]}"'] if draft.address else []
    return f"{draft.field}: {draft.type} = {'secret' if draft.secret else 'setting'}({', '.join(words)})"


def _estate(service: str, cls: str, dynaconf_file: str | None) -> str:
    chain, table = '["env", "dotenv"]', ""
    if dynaconf_file is not None:
        chain = '["env", "dotenv", "dynaconf"]'
        table = f'\n[providers.dynaconf]\nfiles = ["{dynaconf_file}"]\n'
    return (
        "# Which providers serve which environment. Reviewed like code; it holds no secret.\n"
        'environment_variables = ["ESTATE_ENV"]      # the first one that is set decides\n'
        'default_environment = "development"\n\n'
        f'[services]\n{service} = "settings:{cls}"\n\n'
        f"[environments.development]\nchain = {chain}\n\n"
        '[environments.production]\nchain = ["env", "aws"]\nforbid_examples = true\n\n'
        f'[providers.aws]\nprefix = "{service}/"\n{table}'
    )


def _test(service: str, cls: str, drafts: Sequence[Draft]) -> str:
    required = [draft for draft in drafts if draft.default is None]
    test = (
        f'"""{service} with doubles: needs no store, no network and no `.env`."""\n\n'
        + ("import pytest\n\nfrom estate_config import ConfigurationError\n" if required else "")
        + f"from settings import {cls}, settings\n\n\n"
        "def test_a_complete_double_is_enough(estate):\n"
        f"    double = estate.fake({cls})\n"
        f"    assert settings.{drafts[0].field} == double.{drafts[0].field}\n"
    )
    if required:
        test += (
            "\n\ndef test_what_is_missing_stops_the_start(estate):\n"
            "    with pytest.raises(ConfigurationError) as caught:\n"
            f"        estate.load({cls})\n"
            f"    assert {required[0].field!r} in [problem.field for problem in caught.value.problems]\n"
        )
    return test
