"""The page of the fault matrix, made of its rows.

`PYTHONPATH=examples/estate python -m tests.faults.page` writes it.
"""

from __future__ import annotations

from pathlib import Path

from tests.faults import aws_rows, disk_rows, region_rows, told_rows, vault_rows
from tests.faults.row import Row

TABLES: dict[str, list[Row]] = {
    "AWS Secrets Manager": aws_rows.ROWS,
    "Regions of AWS": region_rows.ROWS,
    "Vault": vault_rows.ROWS,
    "Files": disk_rows.ROWS,
}
ROWS = [row for rows in TABLES.values() for row in rows]

_HEAD = """# What a service does when something fails

Made of the tests: each row is broken on a real server behind a proxy, or on a strict fake where no real server can be
had, once while a service starts, and once while it is running and a new value waits for it. A running service is
`ready` throughout, until a field is older than its `max_stale`.
"""


def page() -> str:
    """Return the page in Markdown."""
    parts = [_HEAD]
    for title, rows in TABLES.items():
        parts.append(
            f"## {title}\n\n| what fails | a service that starts | a service that is running |\n| --- | --- | --- |"
        )
        parts[-1] += "".join(f"\n| {row.what} | {row.start_words} | {row.running_words} |" for row in rows) + "\n"
    head = "| what happens | a service that starts | a service that is running | seen by |\n| --- | --- | --- | --- |"
    told = "".join(
        f"\n| {row.what} | {row.start_words} | {row.running_words} | `{row.test}` |" for row in told_rows.ROWS
    )
    parts.append(f"## The process itself\n\n{head}{told}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    (Path(__file__).parents[2] / "docs" / "reference" / "faults.md").write_text(page(), "utf-8")
