"""The policies of the page are enough for what it says of them, and no more is needed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import hvac
import pytest

from estate_config.model import Deadline, Status
from estate_config.testing import EmbeddedVault
from tests.providers.vault.helpers import ask, derived, failed, vault

PAGE = Path(__file__).parents[3] / "docs" / "providers" / "vault.md"
READING, WRITING = re.findall(r"^```hcl\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_the_least_policy_reads_what_it_names_and_nothing_else(
    bao: EmbeddedVault, root: hvac.Client, token: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("openai/api_key", "other"):
        root.secrets.kv.v2.create_or_update_secret(f"estate/{name}", {"value": name})
    monkeypatch.setenv("VAULT_TOKEN", token(READING))
    answers = ask(vault(bao.endpoint_url, prefix="estate/"), derived("openai/api_key"), derived("other"))
    assert answers["openai/api_key"] == "openai/api_key"
    assert 'path "secret/data/estate/other"' in failed(answers["other"]).fix


def test_the_policy_for_pushing_writes_and_probes(
    bao: EmbeddedVault, token: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", token(WRITING))
    provider, asked = vault(bao.endpoint_url, prefix="estate/"), derived("pushed")
    assert provider.put({asked: "x"}, Deadline(10)) == {}
    assert isinstance(provider.probe([asked], Deadline(10))[asked], Status)
    provider.close()
