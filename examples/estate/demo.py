"""`make demo`: the estate on throwaway servers, from an empty AWS account to a start that fails as it should.

Everything listens on loopback, and nothing is left running, after Ctrl-C neither. Exit code 0 if every step did what
the story says, 1 if not, 128 + the signal's number if interrupted.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import httpx
import psycopg

from estate_config.errors import ProviderError
from estate_config.testing import EmbeddedAws
from estate_secrets import EstateSecrets
from stubs.json_server import serving
from stubs.kreb_stub import KrebStub
from stubs.openai_stub import OpenAIStub
from tools.account import Account, account_at
from tools.made_up import KREB_KEY, OPENAI_KEY, OTHERS, PASSWORD
from tools.postgres import Postgres, postgres
from tools.processes import DidNotStartError, accepts, bare_environment, free_port, running
from tools.story import Story, StoryError

HERE = Path(__file__).parent
CHECK = ("estate", "check", "--env", "production")


def main() -> int:
    """Run the whole story."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="estate-demo-")))
        try:
            database = stack.enter_context(postgres(PASSWORD))
            account = stack.enter_context(account_at(stack.enter_context(EmbeddedAws()).endpoint_url))
            model = stack.enter_context(serving(OpenAIStub, key=OPENAI_KEY))
            board = stack.enter_context(serving(KrebStub, key=KREB_KEY))
        except (DidNotStartError, ProviderError) as error:
            sys.stderr.write(f"the demo cannot run here: {error}\n")
            return 1
        environment = {
            **bare_environment(),
            **account.environment,
            "PYTHONPATH": str(HERE),
            "OPENAI_BASE_URL": f"{model}/v1",
            "KREB_BASE_URL": board,
            "LISTEN_PORT": str(free_port()),
        }
        return _told(Story(environment, folder), environment, folder, account, database)


def _interrupted(number: int, _: FrameType | None) -> None:
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)  # a second Ctrl-C must not break the tidying up
    raise SystemExit(128 + number)


def _told(story: Story, environment: dict[str, str], folder: Path, account: Account, database: Postgres) -> int:
    try:
        the_place(story, environment, folder, database)
        the_push(story, account)
        the_job(story)
        with the_service(story, environment, folder) as url:
            the_answers(story, url)
        the_provenance(story)
        the_faults(story, account)
        the_mending(story, account, database)
    except (StoryError, DidNotStartError) as error:
        story.failed(error)
        return 1
    story.end()
    return 0


def the_place(story: Story, environment: dict[str, str], folder: Path, database: Postgres) -> None:
    story.step("An empty AWS account, an empty database, and a laptop with a .env file")
    shutil.copy(HERE / "estate.toml", folder)
    dotenv = folder / ".env"
    dotenv.touch(0o600)
    values = {
        "RDS_PASSWORD": PASSWORD,
        "DATABASE_URL": database.url,
        "OPENAI_API_KEY": OPENAI_KEY,
        "KREB_API_KEY": KREB_KEY,
        **OTHERS,
    }
    dotenv.write_text("".join(f"{name}='{value}'\n" for name, value in values.items()), "utf-8")
    story.say(f"PostgreSQL listens on {database.host}:{database.port}. A stand-in for OpenAI and one for the")
    story.say("real-estate board check the keys they are given. AWS is moto, behind a small proxy that plays IAM.")
    for name in ("NODE_ENV", "AWS_ENDPOINT_URL", "OPENAI_BASE_URL", "KREB_BASE_URL"):
        story.say(f"$ export {name}={environment[name]}")
    story.saw("NODE_ENV=production: estate.toml says that this means the chain env → aws.")
    story.command("estate", "check", "ai", "--env", "production", exit_code=1, expect=["2 problems", "MISSING"])
    story.saw("Nothing is there yet. The report says what is missing, where it was looked for, and how to add it.")


def the_push(story: Story, account: Account) -> None:
    story.step("Fill the account with the eight secrets of the .env file")
    push = ("estate", "push", "catalogue", "--from", "dotenv", "--to", "aws", "--env", "production", "--yes")
    story.command(*push, expect=["estate/rds/password", "estate/database/url"])
    created = account.versions()
    story.check(len(created) == len(EstateSecrets.model_fields), f"the account has {len(created)} secrets")
    story.saw("Eight secrets were created. Names are shown, values never are.")
    story.command(*push)
    story.check(account.versions() == created, "the second push wrote something")
    story.saw("Once more: everything is there already, and nothing was written.")
    story.command(*CHECK)
    story.saw("Every service would start.")


def the_job(story: Story) -> None:
    story.step("The ETL job reads the board with its key, and writes to PostgreSQL")
    expect = ["Secrets loaded successfully from AWS Secrets Manager", "120 listings loaded"]
    story.command("python", "-m", "services.etl", expect=expect)
    story.saw("Its secrets came from AWS; there is no .env in its chain.")


@contextmanager
def the_service(story: Story, environment: dict[str, str], folder: Path) -> Iterator[str]:
    story.step("The AI service describes a listing")
    story.say("$ python -m services.ai &")
    url = f"http://127.0.0.1:{environment['LISTEN_PORT']}"
    with running("services.ai", [sys.executable, "-m", "services.ai"], environment=environment, folder=folder) as child:
        child.wait_until(lambda: accepts(int(environment["LISTEN_PORT"])), 30)
        story.output(child.output())
        yield url
        story.check_output("services.ai", child.output(), ["Secrets loaded successfully from AWS Secrets Manager"])


def the_answers(story: Story, url: str) -> None:
    question = {"listing_id": "KREB-00001"}
    story.say(f"$ curl -s {url}/describe -H 'content-type: application/json' -d '{json.dumps(question)}'")
    described = httpx.post(f"{url}/describe", json=question, timeout=30)
    story.output(described.text)
    story.check(described.status_code == httpx.codes.OK, f"/describe answered {described.status_code}")
    story.check_output("/describe", described.text, ["1 Teheran-ro"])
    story.saw("The listing came from PostgreSQL, the text from the model: both secrets are right.")
    story.say(f"$ curl -s {url}/healthz | jq -c '.settings[] | [.field, .provider, .place]'")
    health = httpx.get(f"{url}/healthz", timeout=30)
    rows = [[item[name] for name in ("field", "provider", "place")] for item in health.json()["settings"]]
    story.output("\n".join(json.dumps(row, separators=(",", ":")) for row in rows))
    story.check(["openai_api_key", "aws", "estate/openai/api_key"] in rows, "/healthz does not name the key's place")
    story.check_output("/healthz", health.text)
    story.saw("The running service says where each setting came from, and no value.")


def the_provenance(story: Story) -> None:
    story.step("The same from the command line")
    story.command("estate", "explain", "etl", "--env", "production", expect=["estate/kreb/api_key"])
    story.saw("Every setting with its origin.")


def the_faults(story: Story, account: Account) -> None:
    story.step("Three things go wrong at once")
    account.operator.delete_secret(SecretId="estate/rds/password")
    story.say("Somebody deletes the secret estate/rds/password.")
    account.iam.denied.add("estate/kreb/api_key")
    story.say("A new IAM policy forgets estate/kreb/api_key (the proxy now denies it).")
    account.operator.put_secret_value(SecretId="estate/database/url", SecretString="canary, and no URL")
    story.say("Somebody puts a text into estate/database/url that is no URL.")
    expect = ["3 problems", "DELETED", "DENIED", "INVALID", "restore-secret", "estate/kreb/api_key"]
    story.command("python", "-m", "services.etl", exit_code=78, expect=expect)
    story.saw("The job did not start. One report names all three, where it looked, and what mends them.")


def the_mending(story: Story, account: Account, database: Postgres) -> None:
    story.step("Mend them as the report says")
    account.operator.restore_secret(SecretId="estate/rds/password")
    account.iam.denied.clear()
    account.operator.put_secret_value(SecretId="estate/database/url", SecretString=database.url)
    story.say("The secret is restored, the policy is completed, the URL is put right.")
    story.command(*CHECK)
    story.command("python", "-m", "services.etl", expect=["120 listings loaded"], last=1)
    story.saw("The job runs again, and the same 120 listings are in the table: it is safe to run twice.")
    with psycopg.connect(database.url) as connection:
        count = connection.execute("SELECT count(*) FROM listings").fetchone()
    story.check(count == (120,), f"the table has {count} listings")


if __name__ == "__main__":
    raise SystemExit(main())
