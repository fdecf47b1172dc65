"""`make bench`: print every comparison; exit code 1 if a promise does not hold."""

from __future__ import annotations

import sys

from tests.benchmarks import calls, claims


def main() -> int:
    kept = True
    for one in (*calls.comparisons(), *claims.comparisons()):
        promise = "" if one.limit is None else f"at most {one.limit:.2f}"
        verdict = "" if one.limit is None else ("holds" if one.holds else "DOES NOT HOLD")
        sys.stdout.write(f"{one.what:<52} {one.ratio:6.2f} of {one.peer:<30} {promise:<13} {verdict}".rstrip() + "\n")
        sys.stdout.flush()
        kept = kept and one.holds
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
