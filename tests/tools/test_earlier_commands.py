"""tools/earlier_commands: each command that the earlier READMEs name is a step, and is judged."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.database import ROOT
from tools.earlier_commands import plan as steps
from tools.earlier_commands.__main__ import FAILED, NO_DOCKER, taken
from tools.earlier_commands.copy import Copy
from tools.earlier_commands.plan import Step, plan, prints
from tools.errors import LauncherError
from tools.ports import free_port

PROMISED = {
    0: (
        "pip install -r requirements.txt",
        "python manage.py migrate",
        "python manage.py createsuperuser",
        "python manage.py runserver",
        "POST /auth/",
        "/admin/",
    ),
    1: (
        "make docker/compose/up",
        "make docker/compose/migrate",
        "docker-compose exec web /app/venv/bin/python src/manage.py add_products",
        "make docker/compose/unittest",
        "make docker/compose/build",
        "make docker/compose/makemigrations",
        "make venv",
        "make format",
        "rm requirements.txt && make requirements.txt",
    ),
    2: (
        "make run-docker",
        "/admin/ as opply",
        "/api/ as opply",
        "bearer token",
        "/api/v1/products as demo, as opply",
        "change of the code",
    ),
    3: ("make build", "make run", "as admin", "make test", "make clean"),
    4: (
        "docker-compose up -d",
        "docker-compose run web python manage.py test --noinput",
        "docker-compose exec -it web bash, then ./manage.py createsuperuser",
    ),
}
"""The promises of the READMEs by number, in their order."""


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    copy = Copy(tmp_path, {"PATH": os.environ["PATH"], "PORT": str(free_port())}, compose="")
    yield copy
    copy.stop()


@pytest.mark.parametrize("readme", PROMISED)
def test_each_promised_command_is_a_step_in_its_order(readme: int) -> None:
    commands = iter(step.command for step in plan() if step.readme == readme)
    for promised in PROMISED[readme]:
        assert any(promised in command for command in commands), promised


def test_the_targets_exist() -> None:
    targets = re.findall(r"^([a-z./-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = {target for step in plan() for target in re.findall(r"make (\S+)", step.command)}
    assert named <= set(targets)


def test_only_the_long_tests_are_narrowed() -> None:
    changed = {
        new.command for new, old in zip(plan("tests/core"), plan(), strict=True) if new != old
    }
    assert changed == {
        'make test PYTEST_ARGS="-n 2 tests/core"',
        'make docker/compose/unittest TESTS="tests/core"',
        "docker-compose run web python manage.py test --noinput tests/core",
    }


@pytest.mark.system
@pytest.mark.parametrize(
    ("command", "act", "result"),
    [
        ("echo 12 passed", prints(r"\d+ passed"), "12 passed"),
        ("echo 12 failed", prints(r"\d+ passed"), FAILED),
        ("echo 12 passed; exit 3", prints(r"\d+ passed"), FAILED),
        ("make docker/compose/up", prints(""), NO_DOCKER),
    ],
)
def test_a_step_is_judged_by_status_and_output(
    copy: Copy, command: str, act: Callable[[Copy, str], str], result: str
) -> None:
    readme = 1 if command.startswith("make docker") else 3
    (row,) = taken([Step(readme, command, act)], copy)
    assert row.startswith(f"| {readme} | `{command}` | {result} | ")


@pytest.mark.parametrize("idle", ["", "replica", "primary"])
def test_product_lists_must_be_read_from_the_replica_and_from_the_primary(
    idle: str, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Counter[str]()

    def counted(_: Copy, command: str) -> str:
        server = command.split()[3]
        asked[server] += 1
        return f"scans:{7 if server == idle else 7 * asked[server]}\n"

    monkeypatch.setattr(Copy, "run", counted)
    monkeypatch.setattr(Copy, "post", lambda *_: {"access": "a"})
    monkeypatch.setattr(Copy, "get", lambda *_: "")
    monkeypatch.setattr(steps, "REPORTED_SECONDS", 0.0)
    (step,) = (one for one in plan() if one.act is steps.reads_from_both)
    if idle:
        with pytest.raises(LauncherError, match=f"The {idle} answers none"):
            step.act(copy, step.command)
    else:
        assert step.act(copy, step.command) == "replica: 14, primary: 14 scans of the products"


@pytest.mark.system
def test_questions_on_a_terminal_are_answered(copy: Copy) -> None:
    asks = "test -t 0 && printf 'Name: ' && read name && echo Hello, $name."
    assert "Hello, Ann." in copy.talk(asks, [("Name", "Ann")])
    with pytest.raises(LauncherError, match="does not ask for Password"):
        copy.talk(asks, [("Name", "Ann"), ("Password", "x")])


@pytest.mark.system
def test_a_server_that_ends_is_reported_with_its_output(copy: Copy) -> None:
    copy.serve("sh -c 'echo the port is taken; exit 1'")
    with pytest.raises(LauncherError, match="the port is taken"):
        copy.get("/livez")
