"""Hooks of schemathesis: who sends the requests, and what anonymous clients must not get.

Loaded by `schemathesis run` (SCHEMATHESIS_HOOKS). FUZZ_DOCUMENT, FUZZ_ROLE and FUZZ_BASE_URL say
what is sent, as whom, and where; FUZZ_ANSWERS is the file that gets the number of answers by
operation and status.

A request may end its sender's account (DELETE me), archive their product, submit their
cart or use up their token, and those after it would be refused or find nothing: then a client
new goes on.
"""

from __future__ import annotations

import atexit
import json
import os
from collections import Counter
from http import HTTPStatus
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import CheckContext, HookContext, Response

from tools.fuzz.people import Person, new_person
from tools.fuzz.stand_ins import replaced

ROLE = os.environ["FUZZ_ROLE"]
BASE_URL = os.environ["FUZZ_BASE_URL"]
USED_UP = ("/submit", "/cancel", "/pack", "/refresh", "/revoke", "/change", "/confirm")
Case = schemathesis.Case[Any]


DOCUMENT = os.environ["FUZZ_DOCUMENT"]


def somebody_new() -> Person:
    """Another account of this role."""
    return new_person(BASE_URL, DOCUMENT, staff=ROLE == "staff")


_present = [somebody_new()]
_former: dict[str, str] = {}
"""The ids that those before had, and what each was: schemathesis learns ids from answers."""


def continue_with_a_new_account() -> None:
    """The next person has a replacement for each object of the last one."""
    had = _present[0].real.items()
    _former.update({value: name for name, value in had if name.endswith("-uuid")})
    _present[0] = somebody_new()


answers: Counter[tuple[str, int]] = Counter()
"""How often each operation answered each status."""


def security(case: Case) -> set[str]:
    """The names of the ways to authenticate for an operation; none where it is open."""
    return {name for one in case.operation.definition.raw.get("security", ()) for name in one}


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Put what the sender has in the place of stand-ins, and say who is asking."""
    if not _present[0].fresh:
        continue_with_a_new_account()
    person = _present[0]
    real = person.real | {value: person.real[name] for value, name in _former.items()}
    header = person.authorization(by_password=security(case) == {"password"})
    case.path_parameters = replaced(case.path_parameters, real)
    case.body = person.completed(replaced(case.body, real))
    if ROLE != "nobody":
        case.headers["Authorization"] = header


@schemathesis.hook
def after_call(context: HookContext, case: Case, response: Response) -> None:
    """Count the answer. Go on as another client where something is gone."""
    if is_probe(case):
        return
    answers[case.operation.definition.raw["operationId"], response.status_code] += 1
    refused = ROLE != "nobody" and response.status_code == HTTPStatus.UNAUTHORIZED
    used_up = response.status_code < HTTPStatus.BAD_REQUEST and (
        case.method == "DELETE" or case.operation.path.rstrip("/").endswith(USED_UP)
    )
    if used_up or (refused and security(case)):
        continue_with_a_new_account()


def is_probe(case: Case) -> bool:
    """Whether the path gets a request with a method that the document does not name."""
    return bool(case.method.lower() != case.operation.method.lower())


@schemathesis.check
def strangers_get_nothing(ctx: CheckContext, response: Response, case: Case) -> None:
    """Without credentials an operation that asks for them refuses."""
    asked = ROLE == "nobody" and security(case) and not is_probe(case)
    if asked and response.status_code < HTTPStatus.BAD_REQUEST:
        raise AssertionError("A stranger got an answer.")


@atexit.register
def write_answers() -> None:
    """For the person who started the run."""
    rows = [[*key, number] for key, number in sorted(answers.items())]
    Path(os.environ["FUZZ_ANSWERS"]).write_text(json.dumps(rows), "utf-8")
