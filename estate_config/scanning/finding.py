"""What a scan finds, as data, as text and as SARIF. Never the value, nor the line it stands in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from estate_config import __version__

_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One credential in one line of a file."""

    file: str
    line: int
    rule: str
    """`current-value`, `known-example`, or the name that detect-secrets gives to the kind: `aws-access-key`."""
    message: str
    fix: str

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.message}\n  fix  {self.fix}"


def sarif(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings as a SARIF 2.1.0 log, as code hosts show them beside the lines."""
    rules = sorted({finding.rule for finding in findings})
    driver = {"name": "estate scan", "version": __version__, "rules": [{"id": rule} for rule in rules]}
    return {
        "$schema": _SARIF,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": _results(findings)}],
    }


def _results(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [
        {
            "ruleId": finding.rule,
            "level": "error",
            "message": {"text": f"{finding.message}. {finding.fix}"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": finding.file},
                        "region": {"startLine": finding.line},
                    }
                }
            ],
        }
        for finding in findings
    ]
