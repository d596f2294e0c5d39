"""The commands and requests in the order of the READMEs, and the result that each must reach."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tools.earlier_commands.copy import Copy
from tools.errors import LauncherError
from tools.processes import wait_until

NEW = {"username": "shopkeeper", "password": "a-lantern-in-the-larder"}
OPPLY = {"username": "opply", "password": "123456"}
ADMIN = {"name": "admin", "password": "12345"}
DEMO = {"username": "demo", "password": "demo"}
UNITTEST = "make docker/compose/unittest"
RUN_TESTS = "docker-compose run web python manage.py test --noinput"
REGENERATED = (
    "rm requirements.txt && make requirements.txt && git diff --exit-code requirements.txt"
)
ADD_PRODUCTS = "docker-compose exec web /app/venv/bin/python src/manage.py add_products"
SCANS = """\
docker-compose exec -T {0} psql --no-psqlrc --tuples-only --no-align \
    --command="SELECT 'scans:' || sum(seq_scan + idx_scan) FROM pg_stat_user_tables \
    WHERE relname = 'product'" postgresql://larder_app:larder@{0}/larder"""
"""Scans of the table since the server started. A session reports them up to ten seconds later."""
LISTS = 20
REPORTED_SECONDS = 60.0
CREATED = "Superuser created successfully"
THEN = ", then "
NEW_PAGE = """
from django.http import HttpResponse
urlpatterns += [path("new-page/", lambda request: HttpResponse("the new page"))]
"""

Act = Callable[[Copy, str], str]
"""Runs a command, and returns its result or raises LauncherError."""


@dataclass(frozen=True, slots=True)
class Step:
    """A command or request of an earlier README."""

    readme: int
    command: str
    act: Act

    @property
    def needs_docker(self) -> bool:
        """Whether it runs in the development set."""
        alone = ("make venv", "make format", "rm requirements.txt")
        return self.readme in {1, 2, 4} and not self.command.startswith(alone)


def plan(tests: str = "") -> list[Step]:
    """Return all steps. `tests` are paths of tests to run in place of all that `make test` runs."""
    narrowed = {
        "make test": f'make test PYTEST_ARGS="-n 2 {tests}"',
        UNITTEST: f'{UNITTEST} TESTS="{tests}"',
        RUN_TESTS: f"{RUN_TESTS} {tests}",
    }
    shown = narrowed if tests else {}
    return [Step(number, shown.get(command, command), act) for number, command, act in STEPS]


def prints(pattern: str) -> Act:
    """Run the command; its output must match."""
    return lambda copy, command: found(pattern, copy.run(command)) or "ok"


def found(pattern: str, text: str) -> str:
    """Return the match. Raises LauncherError if there is none."""
    if (match := re.search(pattern, text)) is None:
        raise LauncherError(f"{pattern!r} is not in its answer:\n{text[-2000:]}")
    return match[0]


def serves(copy: Copy, command: str) -> str:
    """Start a server in the foreground; it runs until the next command."""
    port = copy.environment["PORT"]
    by_argument = command.endswith("runserver") and port != "8000"
    copy.serve(f"{command} {port}" if by_argument else command)
    copy.get("/livez")
    return f"answers at {copy.address}"


def gives(token: str, path: str, account: Mapping[str, str]) -> Act:
    """Post an account; the answer must have the token."""
    return lambda copy, _: f"200, {token} of {len(copy.post(path, account)[token])} characters"


def shows(text: str, page: str, account: Mapping[str, str]) -> Act:
    """Log in to the admin; in this session the page must have the text."""
    return lambda copy, _: f"200, {found(text, copy.log_in(account, page))}"


def takes_a_token(copy: Copy, _: str) -> str:
    """Read contract 2's entry point with a bearer token."""
    token = copy.post("/api/identity/token/", OPPLY)["access"]
    return "200, " + found("catalog", copy.get("/api/", {"Authorization": f"Bearer {token}"}))


def reads_from_both(copy: Copy, _: str) -> str:
    """Read lists as a customer (the replica answers) and as staff (the primary answers)."""
    customer, staff = reads_from("replica", copy, DEMO), reads_from("primary", copy, OPPLY)
    return f"{customer}, {staff} scans of the products"


def reads_from(server: str, copy: Copy, account: Mapping[str, str]) -> str:
    """Read product lists, each with another limit; the server must have read their table."""
    before = scans(copy, server)
    token = copy.post("/api/v1/auth/token", account)["access"]
    for limit in range(1, LISTS + 1):
        copy.get(f"/api/v1/products?limit={limit}", {"Authorization": f"Bearer {token}"})
    if not wait_until(lambda: scans(copy, server) > before, REPORTED_SECONDS):
        raise LauncherError(f"The {server} answers none of {account['username']}'s lists.")
    return f"{server}: {scans(copy, server) - before}"


def scans(copy: Copy, server: str) -> int:
    """Return how often a server has read the table of the products."""
    return int(found(r"(?<=scans:)\d+", copy.run(SCANS.format(server))))


def creates(copy: Copy, command: str) -> str:
    """Answer the questions of createsuperuser, which may be typed into a shell."""
    opened, _, typed = command.partition(THEN)
    name, password = NEW["username"], NEW["password"]
    asked = [("Username", name), ("Email", ""), *[("Password", password)] * 2]
    if typed:
        asked = [(r"[#$] $", typed), *asked, (CREATED, "exit")]
    return found(CREATED, copy.talk(opened, asked))


def reloads(copy: Copy, _: str) -> str:
    """Add a page to the code; the server must answer it."""
    file = copy.folder / "config/urls.py"
    before = file.read_text()
    file.write_text(before + NEW_PAGE)
    try:
        return copy.get("/new-page/")
    finally:
        file.write_text(before)


STEPS: Sequence[tuple[int, str, Act]] = (
    (0, "pip install -r requirements.txt", prints("Successfully installed")),
    (0, "python manage.py migrate", prints(r"Applying orders\.\S+ OK")),
    (0, "python manage.py createsuperuser", creates),
    (0, "python manage.py runserver", serves),
    (0, "POST /auth/", gives("token", "/auth/", NEW)),
    (0, "GET /admin/", shows(NEW["username"], "/admin/", NEW)),
    (1, "make docker/compose/up", prints("Larder is at .*?/,")),
    (1, "make docker/compose/migrate", prints("migrations: .* s")),
    (1, ADD_PRODUCTS, prints(r"\d+ new products")),
    (1, UNITTEST, prints(r"\d+ passed")),
    (1, "make docker/compose/build", prints("")),
    (1, "make docker/compose/makemigrations", prints("No changes detected")),
    (1, "make venv", prints("")),
    (1, "make format", prints(r"\d+ files left unchanged")),
    (1, REGENERATED, prints("")),
    (2, "make run-docker", prints("Larder is at .*?/,")),
    (2, "GET /admin/ as opply", shows("opply", "/admin/", OPPLY)),
    (2, "GET /api/ as opply", shows("catalog", "/api/", OPPLY)),
    (2, "GET /api/ with a bearer token", takes_a_token),
    (2, "GET /api/v1/products as demo, as opply", reads_from_both),
    (2, "a change of the code", reloads),
    (3, "make build", prints("Built")),
    (3, "make run", serves),
    (3, "POST /api/token/ as admin", gives("access", "/api/token/", ADMIN)),
    (3, "make test", prints(r"\d+ passed")),
    (3, "make clean && test ! -e .venv", prints("")),
    (4, "docker-compose up -d", prints("")),
    (4, RUN_TESTS, prints(r"\d+ passed")),
    (4, f"docker-compose exec -it web bash{THEN}./manage.py createsuperuser", creates),
    (4, "POST /auth/", gives("token", "/auth/", NEW)),
)
