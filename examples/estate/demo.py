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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import psycopg

from estate_config.errors import ProviderError
from estate_config.testing import EmbeddedAws
from estate_secrets import EstateSecrets
from stubs.json_server import serving
from stubs.kreb_stub import KrebStub
from stubs.openai_stub import OpenAIStub
from stubs.segment_stub import SegmentStub
from stubs.ses_stub import SesStub
from tools.account import Account, account_at
from tools.aws import aws_environment
from tools.made_up import KREB_KEY, OPENAI_KEY, OTHERS, PASSWORD
from tools.node import built, node
from tools.postgres import Postgres, postgres
from tools.processes import Child, DidNotStartError, bare_environment, free_port, running
from tools.rds import rds_in_front_of
from tools.story import Story, StoryError
from tools.terraform import VARIABLES, NoTerraformError, Terraform, what_it_builds_on

HERE = Path(__file__).parent
PRODUCTION = ("--env", "production")
LOADED = "Secrets loaded successfully from AWS Secrets Manager"
EMAIL = "kim@estate.example"
START = 30.0
"""Seconds that a service may take to start."""


@dataclass(frozen=True)
class Stage:
    """What the story plays on."""

    folder: Path
    aws_url: str
    account: Account
    database: Postgres
    backend: Sequence[str]
    """The command that starts it."""
    urls: Mapping[str, str]
    """Where the services of others are, by the variable that leads a service there."""
    mails: list[dict[str, Any]]
    """What Amazon SES was told to send."""

    @property
    def environment(self) -> dict[str, str]:
        """What each program has in its environment."""
        return {**bare_environment(), **self.account.environment, **self.urls, "PYTHONPATH": str(HERE)}


def main() -> int:
    """Run the whole story."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    with ExitStack() as stack:
        try:
            stage = _set(stack)
        except (DidNotStartError, ProviderError) as error:
            sys.stderr.write(f"the demo cannot run here: {error}\n")
            return 1
        return _told(Story(stage.environment, stage.folder), stage)


def _interrupted(number: int, _: FrameType | None) -> None:
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)  # a second Ctrl-C must not break the tidying up
    raise SystemExit(128 + number)


def _set(stack: ExitStack) -> Stage:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="estate-demo-")))
    backend = [node(), str(built())]
    database = stack.enter_context(postgres(PASSWORD))
    aws_url = stack.enter_context(EmbeddedAws()).endpoint_url
    account = stack.enter_context(account_at(aws_url))
    mails: list[dict[str, Any]] = []
    pair = f"{OTHERS['SES_ACCESS_KEY_ID']}:{OTHERS['SES_SECRET_ACCESS_KEY']}"
    urls = {
        "OPENAI_BASE_URL": stack.enter_context(serving(OpenAIStub, key=OPENAI_KEY)) + "/v1",
        "KREB_BASE_URL": stack.enter_context(serving(KrebStub, key=KREB_KEY)),
        "SES_URL": stack.enter_context(serving(SesStub, key=pair, sent=mails)),
        "SEGMENT_URL": stack.enter_context(serving(SegmentStub, key=OTHERS["SEGMENT_WRITE_KEY"], tracked=[])),
        "AI_URL": f"http://127.0.0.1:{free_port()}",
    }
    return Stage(folder, aws_url, account, database, backend, urls, mails)


def _told(story: Story, stage: Stage) -> int:
    try:
        the_place(story, stage)
        the_infrastructure(story, stage)
        the_push(story, stage.account)
        with the_services(story, stage) as url:
            the_request(story, url, stage.mails)
            the_provenance(story, stage.urls["AI_URL"])
        the_deploy_check(story)
        the_faults(story, stage.account)
        the_mending(story, stage.account, stage.database)
    except (StoryError, DidNotStartError, TimeoutError) as error:
        story.failed(error)
        return 1
    story.end()
    return 0


def the_place(story: Story, stage: Stage) -> None:
    story.step("An empty AWS account, an empty database, and a laptop with a .env file")
    shutil.copy(HERE / "estate.toml", stage.folder)
    dotenv = stage.folder / ".env"
    dotenv.touch(0o600)
    values = {
        "RDS_PASSWORD": PASSWORD,
        "DATABASE_URL": stage.database.url,
        "OPENAI_API_KEY": OPENAI_KEY,
        "KREB_API_KEY": KREB_KEY,
        **OTHERS,
    }
    dotenv.write_text("".join(f"{name}='{value}'\n" for name, value in values.items()), "utf-8")
    listens = f"{stage.database.host}:{stage.database.port}"
    story.say(
        f"PostgreSQL listens on {listens}. AWS is moto, behind a small proxy that plays IAM.",
        "Stand-ins for OpenAI, the real-estate board, Amazon SES and Segment check the keys they are given.",
    )
    for name in ("NODE_ENV", "AWS_ENDPOINT_URL", *stage.urls):
        story.say(f"$ export {name}={stage.environment[name]}")
    story.saw("NODE_ENV=production: estate.toml says that this means the chain env → aws.")
    story.command("estate", "check", "ai", *PRODUCTION, exit_code=1, expect=["2 problems", "MISSING"])
    story.saw("Nothing is there yet. The report says what is missing, where it was looked for, and how to add it.")


def the_infrastructure(story: Story, stage: Stage) -> None:
    story.step("Terraform makes the secrets, their key, the policy and the alarms")
    folder = stage.folder / "infrastructure" / "terraform"
    shutil.copytree(
        HERE / "infrastructure" / "terraform", folder, ignore=shutil.ignore_patterns(".terraform*", "*tfstate*")
    )
    (folder / "terraform.tfvars.json").write_text(json.dumps(VARIABLES), "utf-8")
    what_it_builds_on(stage.aws_url, stage.database.user, stage.database.port)
    with rds_in_front_of(stage.aws_url) as rds_url:
        account = {**aws_environment(stage.aws_url), "AWS_ENDPOINT_URL_RDS": rds_url}
        try:
            terraform = Terraform(folder, {**account, "TF_VAR_estate_rds_password": PASSWORD})
        except NoTerraformError as error:
            story.saw(f"Left out: {error}.", "The push, which comes next, creates the secrets instead.")
            return
        story.say(
            "It is told the names of what the estate has already: the RDS instance, the role of its nodes, the trail;",
            "and, in TF_VAR_estate_rds_password, the one value that it cannot know. This takes about ten seconds.",
        )
        story.type("cd infrastructure/terraform && terraform init && terraform apply")
        code, told = terraform.run("apply", "-auto-approve")
    story.check(code == 0, told)
    story.output(told, last=1)
    story.check_output("the state", (folder / "terraform.tfstate").read_text("utf-8"))
    filled = [name for name, versions in stage.account.versions().items() if versions]
    story.check(sorted(filled) == ["estate/database/url", "estate/rds/password"], f"{filled} have values")
    story.saw(
        f"By the real {terraform.provider}. The password has a value, and the URL, which Terraform has built of it",
        "and of the RDS instance. The other six secrets are empty. No value is in Terraform's state.",
        "(moto refuses a batch with an empty secret in it, as the next command will say; AWS answers for the others.)",
    )


def the_push(story: Story, account: Account) -> None:
    story.step("Fill the account from the .env file")
    push = ("estate", "push", "catalogue", "--from", "dotenv", "--to", "aws", *PRODUCTION, "--yes")
    story.command(*push, expect=["estate/rds/password", "estate/database/url"])
    filled = account.versions()
    story.check(len(filled) == len(EstateSecrets.model_fields), f"the account has {len(filled)} secrets")
    story.saw("Every secret has a value now. Names are shown, values never are.")
    story.command(*push, expect=["Nothing to write"])
    story.check(account.versions() == filled, "the second push wrote something")
    story.saw("Once more: everything is there already, and nothing was written.")


@contextmanager
def the_services(story: Story, stage: Stage) -> Iterator[str]:
    """Yield the URL of the backend."""
    story.step("Three services start")
    python, port = sys.executable, free_port()
    ai = {"LISTEN_PORT": stage.urls["AI_URL"].rpartition(":")[2]}
    with ExitStack() as stack:

        def start(shown: str, command: Sequence[str], until: str, listening: Mapping[str, str], last: int = 0) -> Child:
            story.type(f"{shown} &")
            environment = {**stage.environment, **listening}
            child = stack.enter_context(running(shown, command, environment=environment, folder=stage.folder))
            child.wait_until(lambda: until in child.output(), START)
            story.output(child.output(), last)
            story.check_output(shown, child.output(), [LOADED])
            return child

        children = [
            start("python -m services.etl serve", [python, "-m", "services.etl", "serve"], "120 listings loaded", {}),
            start("python -m services.ai", [python, "-m", "services.ai"], "Uvicorn running on", ai),
            # its last two lines: the AWS SDK may have said before that this Node.js will be too old one day
            start("node apps/backend/dist/server.js", stage.backend, "listening on", {"LISTEN_PORT": str(port)}, 2),
        ]
        story.saw("Two in Python, one in Node.js, each with its own secrets out of AWS; no .env is in their chain.")
        yield f"http://127.0.0.1:{port}"
        for child in children:
            story.check_output(child.name, child.output())


def the_request(story: Story, url: str, mails: list[dict[str, Any]]) -> None:
    story.step("One request through all three")
    email, listing = {"email": EMAIL}, {"listing_id": "KREB-00001"}
    story.type(f"TOKEN=$(curl -s {url}/sessions --json '{json.dumps(email)}' | jq -r .token)")
    signed_in = httpx.post(f"{url}/sessions", json=email, timeout=START)
    story.check(signed_in.status_code == httpx.codes.CREATED, f"/sessions answered {signed_in.text}")
    story.type(f"curl -s {url}/mails -H \"authorization: Bearer $TOKEN\" --json '{json.dumps(listing)}'")
    bearer = {"Authorization": f"Bearer {signed_in.json()['token']}"}
    mailed = httpx.post(f"{url}/mails", json=listing, headers=bearer, timeout=START)
    story.output(mailed.text)
    story.check_output("/mails", mailed.text, ["A home to fall for. 1 Teheran-ro"])
    sent = [mail["Content"]["Simple"]["Subject"]["Data"] for mail in mails]
    story.check(sent == ["You signed in", "1 Teheran-ro, Gangnam-gu, Seoul"], f"the mails sent are {sent}")
    story.saw(
        "The ETL service had loaded the listing, the AI service had it described by the model, the backend checked the",
        "token and mailed it. Whoever was asked on the way, the database too, has checked a secret out of the account.",
    )


def the_provenance(story: Story, url: str) -> None:
    story.step("Where everything came from")
    story.type(f"curl -s {url}/healthz | jq -c '.settings[] | [.field, .provider, .place]'")
    health = httpx.get(f"{url}/healthz", timeout=START)
    rows = [[item[name] for name in ("field", "provider", "place")] for item in health.json()["settings"]]
    story.output("\n".join(json.dumps(row, separators=(",", ":")) for row in rows))
    story.check(["openai_api_key", "aws", "estate/openai/api_key"] in rows, "/healthz does not name the key's place")
    story.check_output("/healthz", health.text)
    story.saw("The running AI service says where each setting came from, and no value. From the command line:")
    story.command("estate", "explain", "etl", *PRODUCTION, expect=["estate/kreb/api_key"])


def the_deploy_check(story: Story) -> None:
    story.step("Before the next deployment")
    story.command("estate", "doctor", "ai", "etl", "backend", *PRODUCTION, expect=["found"])
    story.saw("How each secret stands, without reading a value, and whether the policy in force is the generated one.")
    story.command("estate", "check", *PRODUCTION, expect=[f"{name} can start" for name in ("ai", "etl", "backend")])
    story.saw("Every service would start.")


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
    story.command("estate", "check", *PRODUCTION)
    story.command("python", "-m", "services.etl", expect=["120 listings loaded"], last=1)
    story.saw("The job runs again, and the same 120 listings are in the table: it is safe to run twice.")
    with psycopg.connect(database.url) as connection:
        count = connection.execute("SELECT count(*) FROM listings").fetchone()
    story.check(count == (120,), f"the table has {count} listings")


if __name__ == "__main__":
    raise SystemExit(main())
