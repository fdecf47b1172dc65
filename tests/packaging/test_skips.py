"""A skip that nobody allowed fails a run on CI."""

from __future__ import annotations

from pathlib import Path

import pytest

CONFTEST = (Path(__file__).parents[1] / "conftest.py").read_text("utf-8")


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("CI", "true")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        test_it="""
            import pytest

            def test_runs():
                pass

            def test_skips():
                pytest.skip("no server here")

            @pytest.mark.xfail
            def test_is_known_to_fail():
                raise AssertionError
        """
    )
    return pytester


def listed(project: pytest.Pytester, text: str) -> None:
    project.path.joinpath("allowed_skips.txt").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_a_skip_that_is_not_listed_fails_the_run(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    listed(project, "# nothing\n")
    result = project.runpytest_subprocess(*workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["FAILED test_it.py::test_skips: skipped, and tests/allowed_skips.txt*"])
    result.stdout.no_fnmatch_line("FAILED test_it.py::test_is_known_to_fail*")


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_a_listed_skip_is_fine(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    listed(project, "test_it.py::test_skips  # there is no such server anywhere\n")
    assert project.runpytest_subprocess(*workers).ret == pytest.ExitCode.OK


def test_a_skipped_module_fails_the_run(project: pytest.Pytester) -> None:
    listed(project, "test_it.py::test_skips  # as above\n")
    project.makepyfile(test_other="import pytest\npytest.skip('no such thing', allow_module_level=True)\n")
    result = project.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["FAILED test_other.py: skipped*"])


def test_outside_of_ci_skips_are_fine(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    listed(project, "")
    monkeypatch.delenv("CI")
    assert project.runpytest_subprocess().ret == pytest.ExitCode.OK


def test_a_listed_skip_needs_a_reason(project: pytest.Pytester) -> None:
    listed(project, "test_it.py::test_skips\n")
    result = project.runpytest_subprocess()
    assert result.ret != pytest.ExitCode.OK
    result.stderr.fnmatch_lines(["*no reason beside 'test_it.py::test_skips'*"])
