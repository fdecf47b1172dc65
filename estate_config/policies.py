"""Whether the policies that are deployed are those that are generated, told without reading a secret."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from estate_config.chains import link_to
from estate_config.contract import Policed
from estate_config.environments import Environment, Estate
from estate_config.errors import Asked, Code, ConfigurationError, Problem, ProviderError
from estate_config.generate.aws_places import (
    ACCESS_POLICY,
    PROVIDER,
    UNKNOWN_REGION,
    aws_places,
    readers_of,
    regions_of,
)
from estate_config.generate.catalogue import Catalogue, catalogue_of, schemas_of
from estate_config.generate.choosing import object_name
from estate_config.generate.iam import ACCOUNT, policy
from estate_config.generate.terraform import node_policy
from estate_config.grants import difference
from estate_config.loading import close_all
from estate_config.model import Deadline, Failed, Policy
from estate_config.redaction import where
from estate_config.resolve import Link

_MOST = 4
"""What a policy lacks, and what it has besides, is said of so many grants; more are counted."""


@dataclass(frozen=True, slots=True)
class PolicyFinding:
    """How things stand with one policy."""

    name: str
    state: str
    """`same`, `differs`, `not deployed`, or the name of a `Code`."""
    place: str = ""
    bearers: int | None = None
    """How many roles, users and groups have it; None where nobody knows."""


@dataclass(frozen=True, slots=True)
class Review:
    """How things stand with the policies of an environment: nothing to say where its chain has no store with any."""

    findings: tuple[PolicyFinding, ...] = ()
    problems: tuple[Problem, ...] = ()
    """A policy that is deployed, and is not the generated one."""
    warnings: tuple[Problem, ...] = ()
    """What could not be looked at, and services that no policy of these names gives anything."""


Documents = Mapping[str, Sequence[Mapping[str, Any]]]
"""By name, the policies that are generated: any of them is as good."""


def reviewed(estate: Estate, environment: Environment, services: Sequence[str]) -> Review:
    """Compare what is deployed with what the schemas and `estate.toml` say, for these services and the shared policy.

    What is wrong with schemas and options is for the services to say: here it is a warning.
    """
    if all(entry.provider != PROVIDER for entry in environment.chain):
        return Review()
    try:
        link = link_to(PROVIDER, estate, environment)
        catalogue = catalogue_of(estate, schemas_of(estate, list(estate.table.services)))
    except ConfigurationError as error:
        return Review(warnings=error.problems)
    return _compared(link, catalogue, environment, services) if Policed in link.spec.offers else Review()


def _compared(link: Link, catalogue: Catalogue, environment: Environment, services: Sequence[str]) -> Review:
    wanted, readers = _wanted(catalogue, environment.name, services)
    if not wanted:
        return Review()
    if UNKNOWN_REGION in regions_of(catalogue.environment(environment.name)):
        message = "the policies cannot be compared: estate.toml does not say the region that they are for"
        return Review(warnings=(Problem("", Code.SCHEMA, message, fix='put region = "…" under [providers.aws]'),))
    answers = _asked(link, list(wanted), Deadline(environment.deadline))
    if isinstance(answers, Failed):
        return Review(warnings=(Problem("", answers.code, f"{link.name} {answers.hint}", fix=answers.fix),))
    return _review(environment.name, wanted, readers, answers)


def _wanted(catalogue: Catalogue, environment: str, services: Sequence[str]) -> tuple[Documents, Mapping[str, str]]:
    """Return the generated policies by name, and the services that need any, with the names of theirs."""
    places = aws_places(catalogue, environment)
    entry = catalogue.environment(environment)
    readers = {name: object_name(name) for name in services if any(name in place.services for place in places)}
    documents: dict[str, Sequence[Mapping[str, Any]]] = {
        own: [policy([place for place in places if name in place.services], entry, [name])]
        for name, own in readers.items()
    }
    if readers:
        documents[ACCESS_POLICY] = [policy(places, entry, readers_of(places)), node_policy(places, entry)]
    return documents, readers


def _asked(link: Link, names: Sequence[str], deadline: Deadline) -> Mapping[str, Policy | Failed] | Failed:
    """Ask the provider, which may do what it likes."""
    try:
        if not isinstance(link.provider, Policed):
            return Failed(Code.PLUGIN, "offers to show policies, and cannot", "report it to its makers")
        answers = link.provider.policies(names, deadline)
        return {name: answer for name, answer in answers.items() if isinstance(answer, Policy | Failed)}
    except ProviderError as error:
        return Failed(error.code, error.hint, error.fix)
    except Exception as error:  # noqa: BLE001 - a stranger's provider may raise anything
        return Failed(Code.PLUGIN, f"raised {type(error).__name__} in {where(error)}", "report it to its makers")
    finally:
        close_all([link])


def _review(
    environment: str, wanted: Documents, readers: Mapping[str, str], answers: Mapping[str, Policy | Failed]
) -> Review:
    findings, problems, warnings = [], [], []
    for name, documents in wanted.items():
        answer = answers.get(name)
        if isinstance(answer, Failed):
            asked = Asked(PROVIDER, name, answer.code)
            warnings.append(Problem("", answer.code, answer.hint, (asked,), answer.fix))
            findings.append(PolicyFinding(name, answer.code))
        elif answer is None:
            findings.append(PolicyFinding(name, "not deployed"))
        else:
            problem = _differing(environment, answer, documents)
            problems += [problem] if problem else []
            findings.append(PolicyFinding(name, "differs" if problem else "same", answer.place, answer.bearers))
    stands = {one.name: one for one in findings}
    warnings += [
        _without(service, environment, [stands[own], stands[ACCESS_POLICY]])
        for service, own in readers.items()
        if all(_gives_nothing(stands[name]) for name in (own, ACCESS_POLICY))
    ]
    return Review(tuple(findings), tuple(problems), tuple(warnings))


def _gives_nothing(finding: PolicyFinding) -> bool:
    return finding.state == "not deployed" or finding.bearers == 0


def _without(service: str, environment: str, looked_at: Sequence[PolicyFinding]) -> Problem:
    message = "no role has its policy or the shared one: what it may read, it has from elsewhere"
    asked = tuple(Asked(PROVIDER, one.name, "no role has it" if one.place else one.state) for one in looked_at)
    own = looked_at[0].name
    fix = f"estate generate iam {service} --env {environment}   # make the policy {own} of it: aws iam create-policy\n"
    fix += f"aws iam attach-role-policy --role-name {own} --policy-arn ARN   # the one that create-policy has told"
    return Problem(service, Code.MISSING, message, asked, fix)


def _differing(environment: str, deployed: Policy, documents: Sequence[Mapping[str, Any]]) -> Problem | None:
    """Return how a policy differs from the generated one that is nearest to it, if it does."""
    account = deployed.place.split(":")[4]
    own = [json.loads(json.dumps(document).replace(ACCOUNT, account)) for document in documents]
    missing, extra = min(
        (difference(document, deployed.document) for document in own), key=lambda found: len(found[0]) + len(found[1])
    )
    if not missing and not extra:
        return None
    sides = [("it lacks", missing), ("it has besides", extra)]
    message = "is not the policy that is generated: " + "; ".join(
        _said(words, items) for words, items in sides if items
    )
    asked = Asked(PROVIDER, deployed.place, Code.STALE)
    fix = (
        f"aws iam create-policy-version --policy-arn {deployed.place} --set-as-default"
        f" --policy-document file://policy.json   # out of `estate generate iam --env {environment}`\n"
        "terraform apply   # where Terraform has made it"
    )
    return Problem("", Code.STALE, message, (asked,), fix)


def _said(words: str, items: Sequence[str]) -> str:
    more = f" | and {len(items) - _MOST} more" if len(items) > _MOST else ""
    return f"{words} {' | '.join(items[:_MOST])}{more}"
