"""The templates for AWS, tested with a real Larder and a real PostgreSQL."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from deploy.aws import template
from tests import database
from tests.conftest import Person
from tests.ops.receiver import receiver
from tests.server import Server

ROOT = Path(__file__).resolve().parents[3]
SIZES = ("small", "medium", "large")
CHOSEN = {
    "Environment": "production",
    "DomainName": "shop.example.com",
    "VpcCidr": "10.40.0.0/16",
    "MailFrom": "Shop <shop@example.com>",
    "PasswordResetUrl": "https://shop.example.com/reset#{token}",
}
"""As the page has it; everything else is left to the templates' defaults."""
NOT_INHERITED = {"DEFAULT_FROM_EMAIL": "", "RATE_LIMITS": "normal"}
"""What tests have in their own environment: a task has it from its template or not at all."""
MAIL = "smtp+tls://shop:secret@mail.example.com:587"


def container(stack: str, task: str) -> dict[str, Any]:
    """The definition of Larder's own container in a task of a stack."""
    resource = template.read(stack)["Resources"][task]["Properties"]
    [found] = [one for one in resource["ContainerDefinitions"] if one["Name"] == "larder"]
    return dict(found)


def chosen(stack: str, name: str) -> str:
    return CHOSEN.get(name) or str(template.read(stack)["Parameters"][name]["Default"])


def plain(stack: str, value: Any) -> str:
    """A value as CloudFormation would resolve it, with what was chosen."""
    if isinstance(value, str):
        return value
    [(function, given)] = value.items()
    if function == "Ref":
        return chosen(stack, given)
    if function == "Fn::FindInMap":
        table, _, column = given
        return str(template.read(stack)["Mappings"][table][chosen(stack, "Size")][column])
    return re.sub(r"\$\{(\w+)\}", lambda found: chosen(stack, found[1]), given)


def environment(stack: str, task: str) -> dict[str, str]:
    return {
        one["Name"]: plain(stack, one["Value"]) for one in container(stack, task)["Environment"]
    }


@pytest.mark.parametrize(("stack", "task"), [("service", "ServerTask"), ("worker", "WorkerTask")])
def test_every_variable_of_a_container_is_a_setting(stack: str, task: str) -> None:
    known = set(
        re.findall(r"^(?:# )?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    )
    given = set(environment(stack, task)) | {
        one["Name"] for one in container(stack, task)["Secrets"]
    }
    theirs = {"TMPDIR", *("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG")}
    assert given - known <= theirs | {"OTEL_EXPORTER_OTLP_HEADERS"}


def secrets(mail: str) -> dict[str, str]:
    """As deploy/aws/rotation.py makes them, and as the operator writes them."""
    keys = [token_hex(32) for _ in range(3)]
    signing = {"SECRET_KEY": keys[0], "SECRET_KEY_FALLBACKS": ",".join(keys[1:])}
    return signing | {
        "EMAIL_URL": mail,
        "SENTRY_DSN": "",
        "REPLICA_URLS": "",
        "OTEL_EXPORTER_OTLP_HEADERS": "",
        "METRICS_TOKEN": "m" * 40,
    }


@pytest.mark.parametrize("task", [("service", "ServerTask"), ("worker", "WorkerTask")])
def test_a_task_that_sends_mail_has_a_sender_address(task: tuple[str, str]) -> None:
    given = os.environ | NOT_INHERITED | environment(*task) | secrets(MAIL)
    command = [sys.executable, str(ROOT / "manage.py"), "check", "--deploy"]
    options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 100}
    ended = subprocess.run(command, env=given, check=False, **options)
    assert ended.returncode == 0, ended.stderr
    assert "larder.W004" not in ended.stderr


@pytest.mark.parametrize("mail", ["", MAIL])
@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_a_server_starts_with_the_environment_of_its_task(
    person: Callable[..., Person], tmp_path: Path, mail: str
) -> None:
    given = environment("service", "ServerTask")
    folders = [name for name in given if given[name].startswith(("/tmp", "/run/"))]  # noqa: S108
    own = dict.fromkeys(folders, str(tmp_path))
    ours = {"HOST": "127.0.0.1", "PORT": "", "SECURE_SSL_REDIRECT": "1"}
    with Server(
        workers=1, environment=NOT_INHERITED | given | own | secrets(mail) | ours
    ) as server:
        assert server.call("GET", "/readyz", headers={"Host": "10.40.32.7:8000"}).status == 200
        plain_http = server.call("GET", "/api/v1/products", headers={"Host": "shop.example.com"})
        assert plain_http.status == 301
        through = {"Host": "shop.example.com", "X-Forwarded-Proto": "https"}
        assert server.call("GET", "/api/v1/products", headers=through).status == 401
        # As the collector asks, from the address of the proxy beside it.
        collector = {"Host": "127.0.0.1:8001", "Authorization": f"Bearer {'m' * 40}"}
        assert server.call("GET", "/metrics", headers=collector).status == 200
        del collector["Authorization"]
        assert server.call("GET", "/metrics", headers=collector).status == 404


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_a_second_app_role_is_prepared_while_the_first_is_used(prepares: None) -> None:
    first = os.environ["DATABASE_URL"]
    parts = urlsplit(first)
    name = "larder_app_turn"
    url = first.replace(f"//{parts.username}:{parts.password}@", f"//{name}:{'b' * 64}@")
    command = [sys.executable, str(ROOT / "manage.py"), "prepare"]
    try:
        subprocess.run(command, env=os.environ | {"DATABASE_URL": url}, check=True, timeout=100)
        for one in (first, url):
            with psycopg.connect(one) as connection:
                connection.execute("SELECT available FROM stock LIMIT 1")
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute("DELETE FROM ledger_entry")
    finally:
        with psycopg.connect(database.superuser_url(), autocommit=True) as superuser:
            superuser.execute(f"DROP OWNED BY {name}")
            superuser.execute(f"DROP ROLE {name}")


@pytest.mark.parametrize("size", SIZES)
def test_the_pools_of_the_largest_release_fit_the_database(size: str) -> None:
    servers = template.read("service")["Mappings"]["Sizes"][size]
    pool = int(environment("service", "ServerTask")["DB_POOL_SIZE"])
    taken = 2 * servers["Most"] * int(servers["Processes"]) * pool + 30
    assert taken <= template.read("database")["Mappings"]["Sizes"][size]["Connections"]


def test_servers_are_added_by_requests_in_proportion_to_their_processors() -> None:
    sizes = template.read("service")["Mappings"]["Sizes"].values()
    assert len({size["Requests"] / int(size["Cpu"]) for size in sizes}) == 1


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_a_task_sends_the_configured_share_of_traces_with_its_key() -> None:
    given = environment("service", "ServerTask")
    chosen = {name: value for name, value in given.items() if name.startswith("OTEL_")}
    assert chosen["OTEL_EXPORTER_OTLP_ENDPOINT"] == ""
    sent = {"OTEL_EXPORTER_OTLP_HEADERS": "api-key=secret", "OTEL_BSP_SCHEDULE_DELAY": "200"}
    for share, seen in (("1", True), ("0", False)):
        with receiver() as there:
            to = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{there.port}"}
            env = chosen | sent | to | {"OTEL_TRACES_SAMPLER_ARG": share}
            with Server(workers=1, environment=env) as server:
                server.call("GET", "/livez")
        assert bool(there.spans) is seen


def test_the_load_balancer_drops_ambiguous_header_names() -> None:
    """`X_Forwarded_For` is one; the nginx of a task drops it as well (test_front_door)."""
    balancer = template.read("front")["Resources"]["Balancer"]["Properties"]
    attributes = {one["Key"]: one["Value"] for one in balancer["LoadBalancerAttributes"]}
    assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"
