"""Each hand-written statement is in a module of SQL, and is compared with the ORM, or has a reason
why not."""

import ast
import re
from importlib import import_module
from pathlib import Path

from tests.architecture.sources import nodes

TESTS = Path(__file__).resolve().parents[1]
LARDER = TESTS.parent / "larder"
MODULES = ("db", "identity", "catalog", "inventory", "orders")
STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|COPY|CREATE)\b")

NO_ROWS = "locks, or reads the clock: no rows that the ORM could find"
BY_CLOCK = "counts by the database's clock; its tests compare with expected values"
IMPORT = "a step of an import; its tests compare all rows with the file"
SERVER = "asks or sets what the server is doing: no table"
PART = "changes a part of a table beside other transactions; its tests compare with expected rows"
NOT_COMPARED = {
    NO_ROWS: {
        *("catalog.LOCK_NAME", "catalog.LOCK_CATEGORIES", "inventory.LOCK_FREE", "inventory.CLOCK"),
        *("identity.LOCK_RIGHTS", "identity.LEAVE_NUMBERS_OUT", "inventory.LOCKED"),
        "catalog.ONE_CATEGORY",
        *("orders.LOCK_HOLDERS", "orders.LOCK_PAYMENT"),
    },
    BY_CLOCK: {
        *("db.TAKE_LEASE", "db.END_LEASE", "identity.NOTE_USE", "identity.IS_NEW_REFUSAL"),
        *("identity.RECORD_REFUSAL", "identity.TAKE_ATTEMPTS", "identity.SETTLE_ATTEMPTS"),
        *("identity.DELETE_IDLE_BUCKETS", "identity.TAKE_UNITS", "identity.USED_UNITS"),
        "identity.GIVE_UNITS_BACK",
    },
    SERVER: {
        *("db.SNAPSHOT", "db.PRESENT", "db.REPLAYED", "db.LIFT_TIME_LIMIT", "db.IS_READ_ONLY"),
        *("db.LIMIT_LOCK_WAIT", "db.TAG", "db.LIMIT_AND_TAG"),
        "identity.REMOVING_BEFORE",
    },
    PART: {
        *("catalog.MARK_PICTURES", "catalog.ADD_PICTURE", "catalog.DELETE_PICTURE"),
        "catalog.COMPACT",
    },
    IMPORT: {
        *("catalog.ONE_FILE", "catalog.STAGE", "catalog.COPY", "catalog.PARTS"),
        *("catalog.LOCK_KNOWN", "catalog.DUPLICATES", "catalog.NO_CATEGORY", "catalog.ARCHIVED"),
        *("catalog.REVIVE", "catalog.UNKNOWN"),
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


def test_each_statement_is_named_in_a_test_of_sql_or_has_a_reason() -> None:
    reasons = set().union(*NOT_COMPARED.values())
    statements, unnamed = set(), set()
    for module in MODULES:
        texts = "".join(one.read_text() for one in (TESTS / module).glob("test_*sql.py"))
        for path in (LARDER / module).glob("*sql.py"):
            for name, value in vars(import_module(f"larder.{module}.{path.stem}")).items():
                if name[0] != "_" and isinstance(value, str) and STATEMENT.match(value):
                    statements.add(f"{module}.{name}")
                    if not re.search(rf"\b{name}\b", texts):
                        unnamed.add(f"{module}.{name}")
    assert len(statements) > 60
    assert unnamed == reasons


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
