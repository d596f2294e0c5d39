"""A server does not start with settings that are not safe in production."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import LazySettings
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from psycopg import sql

from larder.db import database
from larder.ops.checks import CONNECTIONS_FOR_OTHERS
from larder.ops.environment import Environment, mail_settings
from larder.ops.serve import POOL_SIZE
from tests.database import superuser_url
from tests.ops.starting import why_no_server_starts
from tests.server import ROOT


def _found() -> set[str | None]:
    checked = run_checks(include_deployment_checks=True, databases=["default"])
    return {fault.id for fault in checked if fault.is_serious() and not fault.is_silenced()}


def test_the_settings_of_the_tests_are_safe(db: None) -> None:
    assert _found() == set()


@pytest.mark.parametrize(
    ("setting", "value", "refusal"),
    [
        ("SECRET_KEY", "insecure-key-for-tools-only", "larder.E001"),
        ("ALLOWED_HOSTS", [], "larder.E003"),
        ("ALLOWED_HOSTS", ["*"], "larder.E003"),
        ("REGISTRATION", "", "larder.E004"),
        ("DEFAULT_FROM_EMAIL", "", "larder.E017"),
        ("PASSWORD_RESET_URL", "https://shop.example.com/reset", "larder.E018"),
        ("PASSWORD_RESET_URL", "{token}", "larder.E018"),
        ("APP_ORDER_URL", "https://shop.example.com/orders/", "larder.E018"),
        ("MAIL_TEMPLATES_DIR", "/nowhere", "larder.E031"),
        ("EMAIL_URL", "consolemail://", "larder.E019"),
        ("EMAIL_URL", "filemail:///tmp", "larder.E019"),
        ("EMAIL_URL", "dummymail://", "larder.E019"),
        ("WORKERS", 1000, "larder.E006"),
    ],
)
def test_an_unsafe_setting_is_refused_outside_demo_mode(
    db: None, settings: LazySettings, setting: str, value: Any, refusal: str
) -> None:
    setattr(settings, setting, value)
    assert refusal in _found()


@pytest.mark.parametrize(("pool", "refused"), [(0, True), (1, False), (8, True)])
def test_a_command_counts_the_connections_of_the_named_server(
    db: None, settings: LazySettings, pool: int, refused: bool
) -> None:
    """Where nothing says how many a process keeps, a server keeps eight of them."""
    limit = int(database.rows("SELECT current_setting('max_connections')")[0][0])
    settings.DB_POOL_SIZE = pool
    settings.WORKERS = (limit - CONNECTIONS_FOR_OTHERS) // POOL_SIZE + 1
    assert ("larder.E006" in _found()) is refused


@pytest.mark.parametrize("limited", ["ROLE", "DATABASE"])
def test_a_limit_of_the_role_or_of_the_database_counts(
    db: None, prepares: None, settings: LazySettings, limited: str
) -> None:
    """On a server that several customers share, a plan limits the role (Heroku)."""
    ((limit, role, here),) = database.rows(
        "SELECT current_setting('max_connections')::int, current_user, current_database()"
    )
    # More than all tests use: the role serves each test process.
    settings.WORKERS, settings.DB_POOL_SIZE = 1, limit - 5 - CONNECTIONS_FOR_OTHERS
    assert "larder.E006" not in _found()
    name = sql.Identifier(role if limited == "ROLE" else here)
    alter = sql.SQL(f"ALTER {limited} {{}} CONNECTION LIMIT {{}}")
    with psycopg.connect(superuser_url(), autocommit=True) as superuser:
        try:
            superuser.execute(alter.format(name, limit - 6))
            assert "larder.E006" in _found()
            superuser.execute(alter.format(name, limit - 5))
            assert "larder.E006" not in _found()
        finally:
            superuser.execute(alter.format(name, -1))


def test_a_shop_without_a_mail_server_is_warned_and_starts(
    db: None, settings: LazySettings
) -> None:
    settings.EMAIL_URL = settings.DEFAULT_FROM_EMAIL = ""
    assert _found() == set()
    warned = {record.id for record in run_checks(include_deployment_checks=True)}
    assert "larder.W004" in warned


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "password"),
    [
        ("smtp+tls://shop:p%40ss%2F%3A@mail.example.com", "mail.example.com", 587, True, "p@ss/:"),
        ("smtp+ssl://shop:x@mail.example.com", "mail.example.com", 465, None, "x"),
        ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, None, None),
    ],
)
def test_a_mail_server_is_named_by_one_address(
    url: str, host: str, port: int, tls: bool | None, password: str | None
) -> None:
    parsed = mail_settings(url)
    assert (parsed["EMAIL_HOST"], parsed["EMAIL_PORT"]) == (host, port)
    assert (parsed.get("EMAIL_USE_TLS"), parsed["EMAIL_HOST_PASSWORD"]) == (tls, password)
    assert parsed["EMAIL_BACKEND"].endswith("smtp.EmailBackend")


@pytest.mark.parametrize("url", ["mail.example.com", "http://x", "smtp://", "smtp://a:s3cret@b:x"])
def test_an_invalid_mail_server_is_refused_with_the_expected_format(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL") as raised:
        mail_settings(url)
    assert "s3cret" not in str(raised.value)


def test_demo_users_are_refused_outside_demo_mode(
    settings: LazySettings, person: Callable[..., object]
) -> None:
    person("Opply", "123456")
    assert "larder.E005" in _found()
    settings.DEMO = True
    assert "larder.E005" not in _found()


def test_an_account_named_like_a_demo_user_with_another_password_is_accepted(
    person: Callable[..., object],
) -> None:
    person("admin", "a rather good one")
    assert "larder.E005" not in _found()


@pytest.mark.system
def test_a_server_with_unsafe_settings_ends_with_a_message_for_each() -> None:
    said = why_no_server_starts(SECRET_KEY="", ALLOWED_HOSTS="*")
    assert "SECRET_KEY is not set" in said
    assert "ALLOWED_HOSTS is open or empty" in said


@pytest.mark.system
def test_a_server_with_unreadable_settings_ends_with_a_message() -> None:
    assert "EMAIL_URL is not the address" in why_no_server_starts(EMAIL_URL="smtp://x:y")


@pytest.mark.system
def test_objects_loaded_at_start_are_excluded_from_garbage_collection() -> None:
    """Looking through it took a tenth of the time of an order, a fifth of a list page's."""
    counted = "import gc, larder.config.asgi; print(gc.get_freeze_count(), len(gc.get_objects()))"
    done = subprocess.run(
        [sys.executable, "-c", counted], cwd=ROOT, capture_output=True, text=True, check=True
    )
    frozen, others = map(int, done.stdout.split())
    assert frozen > 100_000 > 10 * others


@pytest.mark.system
def test_a_starting_server_does_not_import_json_schema_validators() -> None:
    """It took half of the time until the first answer, also after a crash under load."""
    listed = (
        "import sys, larder.config.asgi; print(*{'jsonschema', 'hypothesis'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", listed], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


@pytest.mark.system
def test_settings_can_be_imported_in_an_empty_environment() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import larder.config.settings"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


SECRETS = {
    **{
        name: f"postgresql://larder:{name}@host/db"
        for name in (
            "DATABASE_URL",
            "OWNER_DATABASE_URL",
            "WORKER_DATABASE_URL",
        )
    },
    **{
        name: f"a secret: {name}"
        for name in (
            "SECRET_KEY",
            "METRICS_TOKEN",
            "READONLY_PASSWORD",
        )
    },
    "SECRET_KEY_FALLBACKS": "one of before,another",
    "REPLICA_URLS": "postgresql://larder:replica@host/db",
    "EMAIL_URL": "smtp://larder:mail@host:25",
    "SENTRY_DSN": "https://key@host/1",
}
READ = """
import json
from larder.config import settings
names = %r
print(json.dumps({name: getattr(settings, name) for name in names}))
"""


@pytest.mark.system
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_every_secret_can_be_read_from_a_file(tmp_path: Path, end: str) -> None:
    """As an editor writes it, with an end of the line that is no part of it, and without."""
    for name, value in SECRETS.items():
        (tmp_path / name).write_text(f"{value}{end}", newline="")
    files = {f"{name}_FILE": str(tmp_path / name) for name in SECRETS}
    command = [sys.executable, "-c", READ % (tuple(SECRETS),)]
    environment = {"PATH": "/usr/bin:/bin"} | files
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    read = json.loads(done.stdout)
    lists = ("SECRET_KEY_FALLBACKS", "REPLICA_URLS")
    assert read == SECRETS | {name: SECRETS[name].split(",") for name in lists}


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("maybe", lambda env: env.choice("VALUE", "open", "open", "closed")),
        ("0, 9", lambda env: env.choices("VALUE", "", "0", "1")),
        ("0", lambda env: env.between("VALUE", 60, 1, 1440)),
        ("1441", lambda env: env.between("VALUE", 60, 1, 1440)),
        ("an hour", lambda env: env.between("VALUE", 60, 1, 1440)),
        *(
            (text, lambda env: env.rate("VALUE", "off"))
            for text in ("0/hour", "120", "/hour", "120/week", "1001/second", "1000001/day")
        ),
        ("-1", lambda env: env.amount("VALUE", "0")),
        ("NaN", lambda env: env.amount("VALUE", "0")),
        ("1,50", lambda env: env.amount("VALUE", "0")),
        ("Infinity", lambda env: env.amount("VALUE", "0")),
        ("Mars/Base", lambda env: env.time_zone("VALUE", "UTC")),
        ("../x", lambda env: env.time_zone("VALUE", "UTC")),
        ("10.0.0.1/8", lambda env: env.networks("VALUE")),
        ("shop.example", lambda env: env.networks("VALUE")),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_what_is_expected(
    monkeypatch: pytest.MonkeyPatch, value: str, read: Callable[[Environment], object]
) -> None:
    monkeypatch.setenv("VALUE", value)
    with pytest.raises(ImproperlyConfigured, match=r"VALUE.*: expected "):
        read(Environment())
    monkeypatch.setenv("VALUE", "")
    read(Environment())


def test_a_list_has_no_spaces_and_no_empty_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETS", " whsec_real, ,,whsec_former ,")
    assert Environment().list("SECRETS", default=[]) == ["whsec_real", "whsec_former"]


@pytest.mark.system
def test_a_missing_secret_file_stops_the_start(tmp_path: Path) -> None:
    missing = {"PATH": "/usr/bin:/bin", "SECRET_KEY_FILE": str(tmp_path / "nothing")}
    done = subprocess.run(
        [sys.executable, "-c", "import larder.config.settings"],
        cwd=ROOT,
        env=missing,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert str(tmp_path / "nothing") in done.stderr
