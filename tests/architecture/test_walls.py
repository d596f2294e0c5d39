"""Import rules that import-linter cannot check, and a test that it checks the others."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.sources import ROOT, nodes

BELOW_API = ("core", "db", "identity", "notifications", "catalog", "inventory", "orders", "relay")
ABOVE = ("http", "v1", "compat", "front", "ops", "staff", "worker", "live")


def _sources(*modules: str) -> Iterator[Path]:
    for module in modules:
        for path in (ROOT / "larder" / module).rglob("*.py"):
            if "migrations" not in path.parts:
                yield path


def _imports(path: Path) -> set[str]:
    names = set()
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
        elif isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
    return names


def _offenders(*forbidden: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}: {name}"
        for path in _sources(*BELOW_API)
        if "management" not in path.parts
        for name in sorted(_imports(path))
        if name in forbidden or name.startswith(tuple(f"{package}." for package in forbidden))
    ]


def test_no_layer_below_the_api_imports_http() -> None:
    assert _offenders("django.http", "django.shortcuts", "django.views") == []


def test_core_imports_the_standard_library_and_three_packages_alone() -> None:
    """A rule of the core is tested without a database, and read without knowing one."""
    known = {*sys.stdlib_module_names, "msgspec", "uuid_utils", "email_validator"}
    imported = {name for path in _sources("core") for name in _imports(path)}
    foreign = {name for name in imported if name.partition(".")[0] not in known}
    assert {name for name in foreign if not f"{name}.".startswith("larder.core.")} == set()


CLIENTS = (
    *("redis", "boto3", "requests", "httpx", "aiohttp", "urllib3", "urllib.request"),
    *("http.client", "smtplib", "socket", "django.core.cache", "django.core.mail"),
    "django.core.files.storage",
)

USING_CLIENTS = {
    "larder/notifications/delivery.py": "hands mails over, outside of a transaction",
    "larder/notifications/rendering.py": "writes mails as Django's messages, and sends none",
    "larder/catalog/services/stored_pictures.py": "writes and deletes files, outside a transaction",
}


def test_no_layer_below_the_api_uses_the_network() -> None:
    offenders = {offender.partition(":")[0] for offender in _offenders(*CLIENTS)}
    assert offenders == USING_CLIENTS.keys()


def test_no_test_imports_a_module_of_tests() -> None:
    """What several tests use is in a module beside them."""
    offenders = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for name in _imports(path)
        if name.startswith("tests.") and ".test_" in name
    ]
    assert offenders == []


def test_queries_import_no_services() -> None:
    offenders = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in _sources(*BELOW_API)
        if {"queries", "prices"} & {*path.parts, path.stem}
        for name in _imports(path)
        if "services" in name.split(".")
    }
    assert offenders == set()


def test_only_services_and_queries_of_a_module_use_the_database() -> None:
    using = re.compile(r"larder\.(db\.database|\w+\.models|\w+\.sql)\b|django\.db\.connections?$")
    rooms = re.compile(r"larder/\w+/(services|queries|prices|models|\w*sql)(/|\.py$)")
    offenders = {
        where
        for path in _sources("identity", "notifications", "catalog", "inventory", "orders", "relay")
        if any(using.match(name) for name in _imports(path))
        and not rooms.match(where := path.relative_to(ROOT).as_posix())
    }
    assert offenders == set()


def test_only_the_admin_and_commands_look_models_up_by_name() -> None:
    offenders = {
        path.relative_to(ROOT).as_posix()
        for path in _sources(*BELOW_API, *ABOVE)
        if re.search(r"\bget_(user_)?models?\b", path.read_text())
    }
    assert {
        offender for offender in offenders if not re.search("^larder/staff/|/management/", offender)
    } == set()


def test_a_model_is_imported_from_the_module_that_defines_it() -> None:
    """import-linter sees the module that an import names, and not where the class is from. A
    package of models is protected as a module of models is."""
    modules = {_module(path): path for path in _sources(*BELOW_API, *ABOVE)}
    lent = {
        f"{module}.{name.rpartition('.')[2]}"
        for module, path in modules.items()
        for name in _imports(path)
        if re.match(r"larder\.\w+\.\w*models\.\w", name)
        if not re.fullmatch(r"larder\.\w+\.models", module)
    }
    offenders = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules.values()
        for name in {*_imports(path), *_attributes(path)}
        if name in lent
    }
    assert offenders == set()


def _module(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def _attributes(path: Path) -> Iterator[str]:
    """What a file reads of the modules that it imports, under their full names."""
    imported = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for node in nodes(path):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{imported.get(node.value.id)}.{node.attr}"


PROBES = {
    "larder/ops/demo/app.py",
    "larder/ops/demo/mails.py",
    "larder/ops/health.py",
    "larder/ops/telemetry/metrics.py",
    "larder/ops/telemetry/tracing.py",
}
"""The example app and its mails; `/livez` and `/readyz`; `/metrics`; the span of a request."""


def test_only_these_modules_of_ops_know_http() -> None:
    known = ("django.http", "django.views", "django.shortcuts", "django.utils.deprecation")
    using = [*_sources("ops"), *_sources("core", "db")]
    modules = {
        str(path.relative_to(ROOT))
        for path in using
        if any(name.startswith(known) for name in _imports(path))
    }
    assert modules == PROBES


def test_no_layer_below_the_api_reads_settings_or_the_clock() -> None:
    """How long something takes they may measure: that is no moment in the life of a shop."""
    own = ("larder/core/clock.py", "larder/db/replicas.py")
    offenders = _offenders("django.conf", "larder.core.clock", "django.utils.timezone", "time")
    measuring = {
        name.removesuffix(".Stopwatch") for name in offenders if name.endswith(".Stopwatch")
    }
    allowed = measuring | {f"{name}.Stopwatch" for name in measuring}
    assert [name for name in offenders if not name.startswith(own) and name not in allowed] == []


CLOCKS = re.compile(
    r"(.*\.)?(datetime|date|timezone)\.(now|utcnow|today)\(.*\)|(time\.)?time(_ns)?\(\)"
)
READERS = {
    "larder/core/clock.py: datetime.now(UTC)",
    # Each request asks whether its token has expired, and is logged: in seconds since 1970.
    "larder/http/authentication.py: time()",
    "larder/http/answered_requests.py: time()",
}


def test_only_the_clock_reads_the_time() -> None:
    calls = {
        f"{path.relative_to(ROOT)}: {text}"
        for path in _sources(*BELOW_API, *ABOVE)
        for node in nodes(path)
        if isinstance(node, ast.Call) and CLOCKS.fullmatch(text := ast.unparse(node))
    }
    assert calls == READERS


def test_migrations_import_no_code_that_may_change() -> None:
    lasting = ("larder.core.ids", "larder.db.database", "larder.db.fields")
    used = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "larder").glob("*/migrations/*.py")
        for name in _imports(path)
        if name.startswith("larder.") and not name.startswith(lasting)
    }
    assert (
        used
        - {offender for offender in used if offender.endswith((": larder.core", ": larder.db"))}
        == set()
    )
