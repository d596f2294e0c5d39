"""The docstring of a public function names the refusals that it raises."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import larder
from larder.core.errors import DomainError
from larder.identity.caller import Caller
from larder.identity.services.credentials import lock_account, require_permitted
from tests.architecture.sources import tree

ROOT = Path(larder.__file__).parent
DECLARED = re.compile(r"operation\(|event\(|event$")
"""The decorators of operations, which declare their refusals for the documents. The docstrings are
the descriptions of the documents."""

AS_ANOTHER = re.compile(r"as\s+`[\w.]+`\s+does|Does\s+what\s+`|what\s+`[\w.]+`\s+raises")
"""A docstring may refer to that of another function."""

CALLED = {one.__name__: one.__doc__ or "" for one in (lock_account, require_permitted)}
CALLED |= {f"{name}.require": Caller.require.__doc__ or "" for name in ("caller", "who", "actor")}
"""Functions of all modules whose callers raise what these docstrings name."""


def refusals() -> set[str]:
    """The names of all subclasses of DomainError."""
    for found in pkgutil.walk_packages(larder.__path__, "larder."):
        if found.name.endswith(".errors"):
            importlib.import_module(found.name)
    waiting, names = [DomainError], set()
    while waiting:
        below = waiting.pop().__subclasses__()
        waiting += below
        names |= {one.__name__ for one in below if one.__name__[0] != "_"}
    return names


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Functions of a module, and the methods of its classes as `Class.method`."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for one in node.body:
                if isinstance(one, ast.FunctionDef):
                    yield f"{node.name}.{one.name}", one


def outside_of_try(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below, without the bodies whose errors may be caught."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.Try):
            yield from outside_of_try(child)


def raised(name: str, known: dict[str, ast.FunctionDef], seen: frozenset[str]) -> set[str]:
    """The names that a function raises, itself, by private functions of its module, or by those
    that all modules call."""
    found, owner = set[str](), name.rpartition(".")[0]
    for node in outside_of_try(known[name]):
        if isinstance(node, ast.Raise) and node.exc is not None:
            error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            found.add(ast.unparse(error).rpartition(".")[2])
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func).replace("self.", f"{owner}.")
            is_private = called.rpartition(".")[2].startswith("_")
            found |= set(re.findall(r"\w+", CALLED.get(called, "")))
            if is_private and called in known.keys() - seen:
                found |= raised(called, known, seen | {called})
    return found


def by_all(docstring: str) -> set[str]:
    """The names that each function of a module raises, by the docstring of the module: `Each change
    also raises KeyReused, and what `require_permitted` raises.`"""
    said = " ".join(re.findall(r"\balso\s+raises\b([^.]+)", docstring))
    called = (CALLED[one] for one in CALLED if f"`{one}`" in said)
    return set(re.findall(r"\w+", " ".join([said, *called])))


def test_public_functions_name_the_refusals_that_they_raise() -> None:
    domain, unnamed, checked = refusals(), [], 0
    for path in sorted(ROOT.rglob("*.py")):
        module = tree(path)
        known, said_of_all = dict(functions(module)), by_all(ast.get_docstring(module) or "")
        for name, function in known.items():
            said = ast.get_docstring(function) or ""
            declared = any(DECLARED.match(ast.unparse(one)) for one in function.decorator_list)
            if declared or re.search(r"(^|\.)_", name) or AS_ANOTHER.search(said):
                continue
            found = raised(name, known, frozenset({name})) & domain - said_of_all
            checked += bool(found)
            silent = sorted(one for one in found if not re.search(rf"\b{one}\b", said))
            unnamed += [(f"{path.relative_to(ROOT)}: {name}", silent)] if silent else []
    assert checked > 80
    assert unnamed == [], "name them in the docstrings: Raises …"
