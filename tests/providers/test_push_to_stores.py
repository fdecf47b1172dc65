"""`estate push` fills a person's key store and Parameter Store from a `.env`, and a service then starts without it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import keyring.core
import pytest

from estate_config.testing import EmbeddedAws

ESTATE = Path(sys.executable).with_name("estate")

SCHEMA = """
from pydantic import SecretStr
from estate_config import Settings, secret

class AiSettings(Settings):
    database_url: SecretStr = secret("database/url")
    openai_api_key: SecretStr = secret("openai/api_key")
"""

TABLE = """
default_environment = "laptop"
[services]
ai = "schema:AiSettings"
[environments.laptop]
chain = ["keyring"]
[environments.cloud]
chain = ["parameter_store"]
[providers.parameter_store]
prefix = "/estate/"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "schema.py").write_text(SCHEMA)
    (tmp_path / "estate.toml").write_text(TABLE)
    dotenv = tmp_path / ".env"
    dotenv.write_text("DATABASE_URL=postgresql://made-up\nOPENAI_API_KEY=sk-made-up\n")
    dotenv.chmod(0o600)
    return tmp_path


def estate(folder: Path, variables: Mapping[str, str], *words: str) -> str:
    """Run the program; return what it prints."""
    environment = {"PATH": os.defpath, "HOME": str(folder), "LANG": "C.UTF-8", **variables}
    done = subprocess.run(
        [ESTATE, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_key_store_is_filled_and_the_file_is_not_needed_any_more(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {
        "PYTHON_KEYRING_BACKEND": "keyrings.alt.file.PlaintextKeyring",
        "KEYRING_PROPERTY_FILE_PATH": str(folder / "passwords.cfg"),
    }
    words = ("push", "--from", "dotenv", "--to", "keyring", "--yes")
    shown = estate(folder, variables, *words)
    assert "created  openai_api_key  .env:2  estate/openai/api_key" in shown
    assert "made-up" not in shown
    assert "2 the same. Nothing to write." in estate(folder, variables, *words)
    (folder / ".env").unlink()
    checked = estate(folder, variables, "check", "ai")
    assert "ai can start in laptop: 2 secrets, 2 settings in all; keyring 2" in checked
    assert "holds passwords that are not encrypted" in checked
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(keyring.core, "_keyring_backend", None)  # the library remembers for the whole process
    assert keyring.get_password("estate", "openai/api_key") == "sk-made-up"


def test_parameter_store_is_filled_and_its_secrets_are_there_without_being_read(folder: Path) -> None:
    with EmbeddedAws() as aws:
        words = ("push", "--from", "dotenv", "--to", "parameter_store", "--env", "cloud", "--yes")
        assert "created  openai_api_key  .env:2  /estate/openai/api_key" in estate(folder, aws.variables, *words)
        assert "2 the same. Nothing to write." in estate(folder, aws.variables, *words)
        (folder / ".env").unlink()
        assert "parameter_store 2;" in estate(folder, aws.variables, "check", "ai", "--env", "cloud")
        looked_at = estate(folder, aws.variables, "doctor", "ai", "--env", "cloud").split()
    assert looked_at.count("found") == 2
