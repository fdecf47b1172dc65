"""The command line `estate`: one module for each verb, with no logic in it. What it takes comes with the extra `cli`.

Nothing of pydantic, of a provider or of the user's own is imported before a verb needs it: help and completion are
quick, and work where nothing is installed or configured.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec


def main() -> None:
    """Run `estate` with the arguments of this process, and exit: 0 fine, 1 problems, 2 wrong usage."""
    if find_spec("typer") is None or find_spec("rich") is None:
        sys.stderr.write("estate needs the extra cli: pip install 'estate-config[cli]'\n")
        raise SystemExit(2)
    from estate_config.cli.app import run_app

    run_app()
