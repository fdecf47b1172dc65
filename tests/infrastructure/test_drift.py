"""The generated files of the example estate are what the schemas say today."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "words",
    [
        ("kubernetes-accounts", "ai", "etl", "backend", "--out", "k8s/service-accounts.yaml"),
        ("kubernetes-deployment", "backend", "--out", "k8s/backend-deployment.yaml"),
        ("kubernetes-deployment", "ai", "--out", "k8s/ai-deployment.yaml"),
        ("kubernetes-worker", "ai", "--out", "k8s/ai-worker-deployment.yaml"),
        ("kubernetes-deployment", "etl", "--out", "k8s/etl-deployment.yaml"),
        ("kubernetes-cronjob", "etl", "--out", "k8s/etl-cronjob.yaml"),
        ("iam", "--out", "infrastructure/iam.json"),
        ("terraform", "--out", "infrastructure/terraform/secrets-manager.tf"),
    ],
    ids=lambda words: words[-1],
)
def test_a_generated_file_is_as_it_should_be(words: tuple[str, ...], estate_folder: Path) -> None:
    estate = Path(sys.executable).with_name("estate")
    done = subprocess.run(
        [estate, "generate", *words, "--check"], cwd=estate_folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
