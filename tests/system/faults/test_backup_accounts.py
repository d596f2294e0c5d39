"""After a restore all earlier credentials are refused, and changes of accounts since the backup are
listed.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from larder.identity.services.sessions import NUMBERS_LEFT_OUT
from tests.server import Server
from tests.system.faults.conftest import ROOT
from tests.system.faults.copies import prepare, target
from tests.system.faults.shop import PASSWORD, served_by
from tools.backup import dump, restore
from tools.backup.restore import Restored
from tools.local_postgres import Cluster, temporary_cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ANOTHER = "another rather good one"
ALL = ("victim", "gone", "banned", "quitter", "moved", "nobody")
SINCE = """
UPDATE identity.customer SET is_active = false WHERE username = 'banned';
UPDATE identity.customer SET is_active = true WHERE username = 'nobody';
UPDATE identity.customer SET is_staff = false WHERE username = 'quitter';
UPDATE identity.customer SET email = 'new@example.com' WHERE username = 'moved';
"""


@dataclass
class Thief:
    """What a thief of the victim's phone has."""

    access: str
    refresh: str
    key: str

    def opens(self, server: Server) -> dict[str, int]:
        """The answers to each of them."""
        renewed = server.call("POST", "auth/token/refresh", {"refresh": self.refresh})
        return {
            "refresh": renewed.status,
            "access": server.call("GET", "me", token=self.access).status,
            "key": server.call("GET", "me", token=self.key).status,
        }


@dataclass
class Story:
    """A shop before and after a restore."""

    cluster: Cluster
    thief: Thief
    done: Restored


def log_in(server: Server, name: str) -> dict[str, Any]:
    answer = server.call("POST", "auth/token", {"username": name, "password": PASSWORD})
    assert answer.status == 200, answer
    return dict(answer.body)


def register(server: Server, name: str) -> None:
    answer = server.call("POST", "auth/register", {"username": name, "password": PASSWORD})
    assert answer.status == 201, answer


def execute(cluster: Cluster, statements: str) -> None:
    with psycopg.connect(cluster.owner_url()) as owner:
        owner.execute(statements.encode())


def rob(server: Server) -> Thief:
    stolen = log_in(server, "victim")
    key = server.call("POST", "auth/keys", {"name": "mine"}, token=stolen["access"]).body["key"]
    thief = Thief(stolen["access"], stolen["refresh"], key)
    found = thief.opens(server)
    assert set(found.values()) == {200}, found
    return thief


def shut_out(server: Server, cluster: Cluster) -> None:
    """What all clients did after the backup."""
    access = log_in(server, "victim")["access"]
    change = {"current_password": PASSWORD, "new_password": ANOTHER}
    assert server.call("POST", "auth/password/change", change, token=access).status == 204
    gone = log_in(server, "gone")["access"]
    assert server.call("DELETE", "me", token=gone).status == 204
    execute(cluster, SINCE)
    register(server, "late")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A theft, a backup, its end, and a restore of that backup."""
    file = tmp_path_factory.mktemp("backup") / "larder.dump"
    with temporary_cluster() as cluster:
        prepare(cluster)
        with served_by(cluster) as server:
            for name in ALL:
                register(server, name)
            execute(
                cluster,
                "UPDATE identity.customer SET is_staff = true WHERE username = 'quitter';"
                "UPDATE identity.customer SET is_active = false WHERE username = 'nobody';"
                "INSERT INTO public.django_session VALUES ('admin', '', now() + interval '1 day')",
            )
            thief = rob(server)
            dump.make(cluster.owner_url(), file)
            shut_out(server, cluster)
        done = restore.restore(file, target(cluster), confirm="larder")
        yield Story(cluster, thief, done)


def test_credentials_stolen_before_the_backup_are_refused_after_a_restore(story: Story) -> None:
    assert (story.done.ended.sessions, story.done.ended.keys) == (1, 1)
    with psycopg.connect(story.cluster.owner_url()) as owner:
        assert owner.execute("SELECT count(*) FROM public.django_session").fetchone() == (0,)
    with served_by(story.cluster) as server:
        assert story.thief.opens(server) == {"refresh": 401, "access": 401, "key": 401}
        assert log_in(server, "victim"), "the password of the backup is back, as the runbook says"


def test_a_new_account_does_not_reuse_the_number_of_a_lost_one(story: Story) -> None:
    """An access token has the number, which is not looked up."""
    with served_by(story.cluster) as server:
        register(server, "next")
    with psycopg.connect(story.cluster.owner_url()) as owner:
        found = owner.execute("SELECT id FROM identity.customer WHERE username = 'next'").fetchone()
        owner.execute("DELETE FROM identity.customer WHERE username = 'next'")
    assert found is not None
    assert found[0] > NUMBERS_LEFT_OUT


CHANGED = {
    "victim": ["password"],
    "gone": ["deleted"],
    "banned": ["deactivated"],
    "nobody": ["reactivated"],
    "quitter": ["rights"],
    "moved": ["email"],
    "late": ["registered"],
}
COUNTED = "deleted 1, deactivated 1, password 1, email 1, rights 1, reactivated 1, registered 1"


def listed(cluster: Cluster, database: str | None) -> subprocess.CompletedProcess[str]:
    """`make restore/accounts`."""
    there = {"DATABASE_URL": cluster.app_url(), "OWNER_DATABASE_URL": cluster.owner_url()}
    command = [sys.executable, "-m", "tools.backup", "accounts", *([database] if database else [])]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **there}, capture_output=True, text=True, check=False
    )


def test_changed_accounts_are_listed_while_the_replaced_database_exists(story: Story) -> None:
    done = listed(story.cluster, story.done.former)
    *lines, last = done.stdout.splitlines()
    assert {line.split()[-1]: line.split()[:-2] for line in lines} == CHANGED
    assert last == f"Changes: {COUNTED}."
    assert "OLD=larder_before_" in listed(story.cluster, None).stderr
    wrong = listed(story.cluster, "larder_before_nothing")
    assert wrong.returncode == 1
    assert "Check the name larder_before_nothing" in wrong.stderr
