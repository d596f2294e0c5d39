"""Each hand-written statement is in a module of SQL, and is compared with the ORM, or has a reason
why not."""

import ast
import re
from importlib import import_module
from pathlib import Path

from tests.architecture.sources import nodes

TESTS = Path(__file__).resolve().parents[1]
LARDER = TESTS.parent / "larder"
MODULES = ("db", "identity", "catalog", "inventory", "orders", "ops")
STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|COPY|CREATE)\b")

NO_ROWS = "locks, or reads the clock: no rows that the ORM could find"
BY_CLOCK = "counts by the database's clock; its tests compare with expected values"
SERVER = "asks or sets what the server is doing: no table"
QUEUE = "counts what the job queue has; its tests compare with the jobs that they stored"
PART = "changes a part of a table beside other transactions; its tests compare with expected rows"
NOT_COMPARED = {
    NO_ROWS: {
        *("catalog.LOCK_NAME", "catalog.ONE_FILE", "inventory.LOCK_FREE", "inventory.CLOCK"),
        *("identity.LOCK_RIGHTS", "identity.LEAVE_NUMBERS_OUT", "inventory.LOCKED"),
        "catalog.ONE_CATEGORY",
        *("orders.LOCK_HOLDERS", "orders.LOCK_PAYMENT"),
    },
    BY_CLOCK: {
        *("db.TAKE_LEASE", "db.END_LEASE", "identity.NOTE_USE", "identity.IS_NEW_REFUSAL"),
        *("identity.RECORD_REFUSAL", "identity.TAKE_ATTEMPTS", "identity.SETTLE_ATTEMPTS"),
        *("identity.DELETE_IDLE_BUCKETS", "identity.TAKE_UNITS", "identity.USED_UNITS"),
        "identity.GIVE_UNITS_BACK",
        *("ops.JOBS", "ops.IS_ALIVE", "ops.REFUNDS", "ops.HOLDS"),
    },
    QUEUE: {"ops.FAILED", "ops.BEAT"},
    SERVER: {
        *("db.SNAPSHOT", "db.PRESENT", "db.REPLAYED", "db.LIFT_TIME_LIMIT", "db.IS_READ_ONLY"),
        *("db.LIMIT_LOCK_WAIT", "db.TAG", "db.LIMIT_AND_TAG"),
        *("identity.REMOVING_BEFORE", "ops.REPLICAS"),
    },
    PART: {
        *(
            "db.MARK_TIMELINE",
            "catalog.MARK_PICTURES",
            "catalog.ADD_PICTURE",
            "catalog.DELETE_PICTURE",
        ),
        "catalog.COMPACT",
    },
}


ELSEWHERE = {
    "db/feed.py": "made for the table of each feed",
    "db/pages.py": "wraps a statement that is given",
    "ops/books/invariants.py": "counts the rows of a statement that is given",
    "ops/checks.py": "asks the server for its settings",
    "ops/restored.py": "asks the server for its databases",
    "ops/roles.py": "grants rights, as the owner",
}
"""Files and folders with statements that are not in a module of SQL."""

SQL = re.compile(
    r"\s*(SELECT\s|INSERT INTO |UPDATE \S+ (AS \w+ )?SET |DELETE FROM |WITH \w+ AS |LOCK TABLE )"
)


def _statements(module: str) -> dict[str, Path]:
    """Returns the statements of a module's SQL by name, each with its file."""
    found = {}
    for path in (LARDER / module).rglob("*.py"):
        if path.stem.endswith("sql") or path.parent.name == "sql":
            name = path.relative_to(LARDER.parent).with_suffix("").as_posix().replace("/", ".")
            for statement, text in vars(import_module(name)).items():
                if statement[0] != "_" and isinstance(text, str) and STATEMENT.match(text):
                    found[f"{module}.{statement}"] = path
    return found


def test_each_statement_is_named_in_a_test_of_sql_or_has_a_reason() -> None:
    statements, unnamed = 0, set()
    for module in MODULES:
        texts = "".join(one.read_text() for one in (TESTS / module).glob("test_*sql.py"))
        for name, path in _statements(module).items():
            statements += 1
            is_of_books = path.parent.name == "books"
            if not is_of_books and not re.search(rf"\b{name.partition('.')[2]}\b", texts):
                unnamed.add(name)
    assert statements > 60
    assert unnamed == set().union(*NOT_COMPARED.values())


def test_each_statement_about_the_books_is_that_of_an_invariant() -> None:
    """Each invariant is seen to find a damage (tests/ops/test_invariants.py)."""
    used = (LARDER / "ops" / "books" / "invariants.py").read_text()
    books = [name for name, path in _statements("ops").items() if path.parent.name == "books"]
    assert len(books) > 30
    assert [one for one in books if not re.search(rf"sql\.{one.partition('.')[2]}\b", used)] == []


def test_statements_are_in_modules_of_sql() -> None:
    found = set()
    for path in LARDER.rglob("*.py"):
        name = str(path.relative_to(LARDER))
        if path.stem.endswith("sql") or "migrations" in path.parts or "sql" in path.parts:
            continue
        if any(name == one or name.startswith(f"{one}/") for one in ELSEWHERE):
            continue
        for node in nodes(path):
            if isinstance(node, ast.Constant) and SQL.match(str(node.value)):
                found.add(f"{name}:{node.lineno}")
    assert found == set(), "move it to the module's sql.py, with its plan, or use the ORM"
