"""`estate providers`: what is installed, where from, what is broken and how to mend it."""

from __future__ import annotations

from tests.cli.conftest import Project


def test_every_provider_is_shown_with_its_package_and_who_uses_it(project: Project) -> None:
    lines = project.program("providers").out.splitlines()
    rows = {line.split()[0]: line for line in lines}
    assert lines[0].split() == ["provider", "can", "state", "used", "in", "from", "what", "it", "reads"]
    assert "  read, write  fine   cluster " in rows["shelf"]
    assert "shelf 1.0 " in rows["shelf"]
    assert rows["shelf"].endswith("A file of JSON.")
    assert "  read  " in rows["dotenv"]
    assert " laptop " in rows["dotenv"]


def test_what_is_broken_is_said_with_its_fix(project: Project) -> None:
    project.write("shelf.py", "import nowhere_to_be_found\n")
    project.change("estate.toml", '["env", "dotenv"]', '["env", "dotnev"]')
    done = project.run("providers", code=1)
    assert 'the provider "shelf" of shelf 1.0 cannot be imported: ModuleNotFoundError' in done.out
    assert "fix  pip install nowhere_to_be_found" in done.out
    assert 'no provider called "dotnev" is installed; did you mean "dotenv"?' in done.out


def test_a_package_that_is_lacking_is_said_and_is_no_problem_yet(project: Project) -> None:
    project.write(
        "shelf-1.0.dist-info/METADATA", "Name: shelf\nVersion: 1.0\nRequires-Dist: woodwork; extra == 'shelf'\n"
    )
    done = project.run("providers")
    assert 'the provider "shelf" needs woodwork, which is not installed' in done.out
    assert "fix  pip install 'shelf[shelf]'" in done.out


def test_no_sdk_is_imported_to_see_what_there_is(project: Project) -> None:
    project.write("boto3.py", "raise SystemExit('boto3 was imported')\n")
    project.write("hvac.py", "raise SystemExit('hvac was imported')\n")
    project.program("providers")


def test_it_needs_no_estate_toml_and_reports_one_that_is_wrong(project: Project) -> None:
    (project.folder / "estate.toml").unlink()
    assert " development " in project.run("providers").out
    project.write("estate.toml", "nonsense")
    assert "is not TOML" in project.run("providers", code=1).out


def test_the_list_for_machines(project: Project) -> None:
    document = project.run("providers", "--format", "json").document
    (shelf,) = [one for one in document["providers"] if one["name"] == "shelf"]
    assert document["ok"] is True
    assert shelf == {
        "name": "shelf",
        "environments": ["cluster"],
        "distribution": "shelf 1.0",
        "title": "the shelf",
        "summary": "A file of JSON.",
        "offers": ["Writer"],
        "lacks": None,
        "broken": None,
    }
