"""Terraform with the real AWS provider, on an account on loopback.

The provider comes from the folder that `ESTATE_TERRAFORM_PLUGINS` names, from one that this machine has, or from the
registry, where `terraform init` looks.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

from tools.aws import operator_client
from tools.processes import DidNotStartError, running

INIT = 60.0
RUN = 120.0
"""Seconds that `init`, and any other command, may take."""
PLUGINS = "ESTATE_TERRAFORM_PLUGINS"
"""The variable that may name a folder of plug-ins."""
_SHARED = ("/opt", "/usr/share", "/usr/local/share")
"""Where a machine may have such a folder; Terraform itself looks into the home folder, or asks the registry."""
_NOT_HERE = {
    "Failed to query available provider packages": "terraform init gets no AWS provider here: "
    f"{PLUGINS} may name a folder that has it",
    "Unsupported Terraform Core version": "this Terraform is too old: 1.11 or later is needed",
}
"""What `terraform init` says, and what we say."""
VARIABLES = {
    "node_role_name": "estate-nodes",
    "cloudtrail_log_group_name": "estate-trail",
    "db_instance_identifier": "listings",
}
"""The variables that say on what it builds."""
_ALWAYS = {
    "TF_IN_AUTOMATION": "1",
    "CHECKPOINT_DISABLE": "1",
    # one call at a time: moto answers 500 when a secret is made while another call walks through all of them
    "TF_CLI_ARGS_apply": "-parallelism=1",
    "TF_CLI_ARGS_plan": "-parallelism=1",
}
_PROVIDER = re.compile(r"hashicorp/aws v[\d.]*\d")


class NoTerraformError(DidNotStartError):
    """Terraform, or its AWS provider, is not to be had here. The message says why."""


def what_it_builds_on(aws_url: str, user: str = "estate", port: int = 5432) -> None:
    """Make what the estate has before its secrets: the RDS instance, the node group's role, the trail's log group."""
    operator_client("rds", aws_url).create_db_instance(
        DBInstanceIdentifier=VARIABLES["db_instance_identifier"],
        DBInstanceClass="db.t3.micro",
        Engine="postgres",
        MasterUsername=user,
        MasterUserPassword="not-used-here",
        DBName="estate",
        AllocatedStorage=20,
        Port=port,
    )
    iam = operator_client("iam", aws_url)
    iam.create_role(RoleName=VARIABLES["node_role_name"], AssumeRolePolicyDocument="{}")
    operator_client("logs", aws_url).create_log_group(logGroupName=VARIABLES["cloudtrail_log_group_name"])


class Terraform:
    """A folder with `.tf` files, initialised. Raises `NoTerraformError` where that cannot be."""

    provider: str
    """The AWS provider that it was initialised with, and its version."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._program = program()
        self._folder = folder
        # nothing of the user's own account, and else what they have: a proxy, a plug-in cache
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_VAR_"))}
        self._environment = {**own, **environment, **_ALWAYS}
        self._init()

    def _init(self) -> None:
        plugins = _plugins()
        words = ["init", "-backend=false", *([f"-plugin-dir={plugins}"] if plugins else [])]
        try:
            code, told = self.run(*words, limit=INIT)
        except TimeoutError as error:
            raise NoTerraformError(str(error)) from None
        if code:
            for theirs, ours in _NOT_HERE.items():
                if theirs in told:
                    raise NoTerraformError(ours)
            raise DidNotStartError(f"terraform init ended with exit code {code}:\n{told}")
        self.provider = next(iter(_PROVIDER.findall(told)), "hashicorp/aws")

    def run(self, *words: str, limit: float = RUN) -> tuple[int, str]:
        """Run a command; return its exit code and what it printed. Interrupted, it ends in order, its plug-ins too.

        Raises `TimeoutError`.
        """
        command = [self._program, words[0], "-no-color", *words[1:]]
        name = f"terraform {words[0]}"
        with running(
            name, command, environment=self._environment, folder=self._folder, stop_with=signal.SIGINT
        ) as child:
            return child.finish(limit), child.output()


def program() -> str:
    """Return the path of `terraform`. Raises `NoTerraformError`."""
    found = shutil.which("terraform")
    if found is None:
        raise NoTerraformError("there is no terraform on the path")
    return found


def _plugins() -> str | None:
    found = (hosts.parent for parent in _SHARED for hosts in Path(parent).glob("*/registry.terraform.io"))
    return os.environ.get(PLUGINS) or next(map(str, found), None)
