"""A program of the user's that prints secrets: `op read`, `pass show`, a script."""

from __future__ import annotations

from estate_config.contract import ProviderSpec
from estate_config_providers.command.users_program import CommandOptions, UsersProgram

spec = ProviderSpec(
    name="command",
    title="a program",
    summary="What a program of yours prints: op read, pass show, a script.",
    options=CommandOptions,
    build=UsersProgram,
    secrets_only=True,
    remote=True,  # what the program reaches is its own affair: a test must not find out
    tells_refusals=False,  # a program that fails may have been refused: it has one exit code for both
)
