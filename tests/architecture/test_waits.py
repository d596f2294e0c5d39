"""Every wait of one thread for another goes through larder/core/waits.py."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.sources import ROOT, tree

WAITS = Path("larder/core/waits.py")

LOCK = re.compile(r"\b(R?Lock|(Bounded)?Semaphore|Condition|Acquirable)\b")

CALLS = {"acquire", "wait", "poll", "sleep", "flock", "lockf", "select", "wait_for", "result"}
"""Functions and methods that may wait."""

MODULES = {"queue", "concurrent.futures", "asyncio", "selectors", "sched", "subprocess"}
"""Modules of the standard library whose objects wait in other ways."""

MUTEXES = {
    "larder/v1/page_cache.py": {"self._lock"},
    "larder/core/batch_queue.py": {"self._mutex"},
    "larder/core/per_key.py": {"self._lock", "_lock"},
    "larder/db/positions.py": {"_lock"},
    "larder/db/primary.py": {"_lock"},
    "larder/db/timelines.py": {"_lock"},
    "larder/db/postgresql/pool.py": {"pool._lock"},
    "larder/identity/services/rates/in_cache.py": {"self._lock"},
    "larder/db/replicas.py": {"self._lock", "_counting"},
    "larder/identity/passwords/hashers.py": {"self._lock"},
    "larder/orders/services/placing/contended.py": {"self._lock"},
}
"""Locks that protect a few lines of memory: no statement runs while one of them is held, and no
other lock is taken. A thread that keeps a connection may take them."""

NO_WAITS = {
    "larder/core/batch_queue.py": {"lock.acquire()"},
    "larder/db/postgresql/base.py": {"select.poll()", "socket.poll(0)"},
    "larder/http/read_your_writes.py": {
        "fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 8, slot * 8)",
        "fcntl.lockf(self._file, fcntl.LOCK_UN, 8, slot * 8)",
    },
    "larder/ops/serving/worker_slots.py": {"fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)"},
}
"""Calls of such a name that return at once."""

QUERIES = {
    "larder/db/postgresql/bounded.py": {"super().wait(gen, interval, timeout)"},
    "larder/db/postgresql/statement_pipeline.py": {
        "self._connection.wait(_send_all(self._libpq, sendings))"
    },
}
"""A thread that waits for an answer of PostgreSQL needs the connection for that."""


FOR_OTHERS = {
    "larder/http/read_your_writes.py": {"sleep(0.0005)"},
    "larder/ops/management/commands/migrate.py": {"sleep(PAUSE)"},
    "larder/ops/telemetry/log_writer.py": {"written.wait(LINE_TIMEOUT)"},
    "larder/ops/serving/server_lock.py": {"time.sleep(0.05)"},
    "larder/ops/serving/stop_signals.py": {"time.sleep(INTERVAL)"},
}
"""Short waits for what needs no connection: another process that notes a time in the shared table;
the thread that writes the log, which a transaction may log to; a former server's processes, before
there is a connection; a thread that has none, between two wake-ups of the main thread; a command
without other threads."""

EXEMPT = (MUTEXES, NO_WAITS, QUERIES, FOR_OTHERS)


def _is_exempt(name: str, call: str) -> bool:
    return any(call in exempt.get(name, set()) for exempt in EXEMPT)


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / "larder").rglob("*.py")):
        name = path.relative_to(ROOT)
        if name != WAITS:
            yield name.as_posix(), tree(path)


def _waits(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node) in CALLS and not _returns_at_once(node):
            yield ast.unparse(node)


def _called(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute):
        through = ast.unparse(function.value)
        return "" if through == "waits" else function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _returns_at_once(node: ast.Call) -> bool:
    return any(ast.unparse(one) == "blocking=False" for one in node.keywords)


def _held_for_a_block(tree: ast.Module) -> Iterator[str]:
    """What is entered, with `with` or `enter_context`, without being called: locks, and others.

    What a call gives is no lock: `test_no_function_returns_a_lock`.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.With):
            entered = [item.context_expr for item in node.items]
        elif isinstance(node, ast.Call) and _called(node) == "enter_context":
            entered = node.args
        else:
            continue
        either = [way for one in entered for way in _ways(one)]
        yield from (ast.unparse(one) for one in either if not isinstance(one, ast.Call))


def _ways(expression: ast.expr) -> list[ast.expr]:
    if isinstance(expression, ast.IfExp):
        return [expression.body, expression.orelse]
    return [expression]


def test_every_wait_goes_through_the_waits_module() -> None:
    found = {
        (name, call)
        for name, tree in _modules()
        for call in _waits(tree)
        if not _is_exempt(name, call)
    }
    assert found == set()


def test_every_lock_of_a_block_goes_through_the_waits_module() -> None:
    others = {"span", "self.wrap_database_errors", "connection.wrap_database_errors"}
    found = {
        (name, held)
        for name, tree in _modules()
        for held in _held_for_a_block(tree)
        if held not in others and not _is_exempt(name, held)
    }
    assert found == set()


RETURNED = {"larder/core/batch_queue.py": {"_closed"}}
"""Functions whose lock is waited for with `waits.acquire` alone."""


def test_no_function_returns_a_lock() -> None:
    """Strict types have each function say what it returns."""
    found = {
        (name, node.name)
        for name, tree in _modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and node.returns
        and LOCK.search(ast.unparse(node.returns))
    }
    assert found == {(name, one) for name, functions in RETURNED.items() for one in functions}


def test_no_other_module_with_waits_is_used() -> None:
    found = {
        (name, module)
        for name, tree in _modules()
        for node in ast.walk(tree)
        for module in _imported(node)
        if any(module == one or module.startswith(f"{one}.") for one in MODULES)
        if name not in FOR_OTHERS
    }
    assert found == set()


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{one.name}" for one in node.names]
    return [one.name for one in node.names] if isinstance(node, ast.Import) else []


def test_every_exemption_is_needed() -> None:
    """An exemption that nothing needs would hide the next mistake."""
    trees = dict(_modules())
    needed = {name: {*_waits(tree), *_held_for_a_block(tree)} for name, tree in trees.items()}
    for exempt in EXEMPT:
        for name, calls in exempt.items():
            assert calls <= needed[name], name
