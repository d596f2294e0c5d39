"""The page of Patroni: what its machines install, admit, restore and replace."""

import re
from pathlib import Path

import pytest

from tests.database import ROOT
from tests.programs import printed
from tools.docs import pages

ROADS = ROOT / "docs" / "how-to" / "deploy"
PATRONI = (ROADS / "patroni.md").read_text()
USER_DATA = (ROOT / "deploy/ec2/user-data.sh").read_text()
STARTED_BY_DEBIAN = {"postgresql", "postgresql@15-main", "patroni", "etcd"}
"""Units that their packages start at once, with their default configuration. The first starts the
second with the machine: a generator makes it one of its parts, whether it is disabled or not."""


def test_what_debian_started_is_stopped_before_it_gets_its_configuration() -> None:
    (stopped, configured) = PATRONI.split("/etc/default/etcd", 1)[0].rsplit("\nsed ", 1)
    (units,) = re.findall(r"^systemctl disable --now ([^#\n]+)", stopped, re.MULTILINE)
    assert set(units.split()) == STARTED_BY_DEBIAN
    assert configured


def test_a_machine_of_patroni_is_installed_as_one_of_ec2() -> None:
    (wanted,) = re.findall(r"^apt-get install -y (.*)$", USER_DATA, re.MULTILINE)
    assert f"\napt-get install -y {wanted} </dev/null\n" in PATRONI
    for line in re.sub(r" \\\n *", " ", USER_DATA).splitlines():
        if line.strip().startswith(("useradd ", "install ", "cp ")):
            assert f"\n{line.strip()}\n" in PATRONI, line
    assert "make build\n" in PATRONI
    assert "/etc/larder/server.env" in PATRONI


def test_the_machine_that_prepares_gets_a_new_version_first() -> None:
    """Each of Patroni has a worker, and one the password of the tables' owner."""
    (later,) = re.findall(r"^A new version, later: (.*)$", PATRONI, re.MULTILINE)
    (owner,) = re.findall(r"owner\.env root@(\w+):", PATRONI)
    assert f"`{owner}` first" in later


def test_a_machine_installs_what_was_brought_to_it() -> None:
    """From a folder that an earlier command made there."""
    blocks = [one.text for one in pages.blocks(PATRONI) if one.language == "sh"]
    bringing = [one for one in blocks if "scp " in one]
    # It asks whether a new machine is the right one: nothing is pasted behind the one command.
    after = [line for one in bringing for line in one.splitlines()[1:] if line[0] != " "]
    assert after == ["done", "done && scp patroni-secrets/owner.env root@app1:patroni/"]
    bring = "".join(bringing)
    brought = {one.name for one in (ROOT / "deploy/patroni").iterdir()} | {"patroni.env"}
    (node,) = [one for one in blocks if "/etc/default/etcd" in one and "scp" not in one][:1]
    # Not to `machine:patroni`: with that folder there, a second run would make one within it.
    assert 'scp -r deploy/patroni "root@$machine:"\n' in bring
    assert node.startswith("cd ~/patroni ")
    installed = re.findall(r"^install (?:-[Dm] ?\d* ?)*(.*) /etc/", node, re.MULTILINE)
    sources = {source.split("/")[0] for line in installed for source in line.split()}
    assert sources
    assert sources <= brought
    server = "\n".join(blocks[blocks.index(node) :])
    used = set(re.findall(r"(?<= )~/patroni/([\w.]+)", server))
    assert used == {"server.env", "userlist.txt", "owner.env"}
    assert {one for one in used if f"patroni-secrets/{one}" in bring} == used


def test_the_page_says_which_networks_the_nodes_admit() -> None:
    """Nodes in three zones of AWS are in three subnets."""
    assert " samenet " in (ROOT / "deploy/patroni/patroni.yml").read_text()
    before, bring, _ = PATRONI.partition("scp -r deploy/patroni")
    assert bring
    assert "`samenet` in `patroni.yml`" in before


def test_a_node_may_read_the_networks_that_it_admits() -> None:
    """Without netlink PostgreSQL finds no network of its machine, and `samenet` admits nothing."""
    unit = (ROOT / "deploy/patroni/systemd/patroni.service").read_text()
    (families,) = re.findall(r"^RestrictAddressFamilies=(.*)$", unit, re.MULTILINE)
    assert " samenet " in (ROOT / "deploy/patroni/patroni.yml").read_text()
    assert "AF_NETLINK" in families.split()


def test_a_cluster_is_restored_by_a_role_that_may_make_a_database() -> None:
    """The owner of the tables may not, and is admitted to one database alone."""
    assert "CREATEDB" not in (ROOT / "deploy/patroni/post_bootstrap.sh").read_text()
    admitted = (ROOT / "deploy/patroni/patroni.yml").read_text()
    assert re.findall(r" host (\S+) larder_owner,", admitted) == ["larder"]
    section = PATRONI.partition("\n## Back up and restore\n")[2].partition("\n## ")[0]
    (script,) = re.findall(r"^ *scp (\S+) .*:/usr/local/bin/larder-backup", PATRONI, re.MULTILINE)
    assert "--no-owner --no-privileges --role=larder_owner" in (ROOT / script).read_text()
    # The mode of a file in a clone is that of its maker's umask, and `scp` keeps it.
    assert " chmod 644 /usr/local/bin/larder-backup\n" in PATRONI
    asked = re.findall(r"^runuser -u postgres -- .*/larder-backup (\w+) ", section, re.MULTILINE)
    assert asked == ["make", "restore"]
    steps = ["stop larder-server", "backup restore", "start larder-prepare", "start pgbouncer"]
    steps.append("manage.py check_invariants\n")
    places = [section.index(step) for step in steps]
    assert places == sorted(places)


@pytest.mark.system
def test_a_replaced_node_joins_the_members_of_etcd(tmp_path: Path) -> None:
    """A member that begins anew under the name of another one ends: already been bootstrapped."""
    section = PATRONI.partition("\n## Replace a lost machine\n")[2].partition("\n## ")[0]
    remove, join = [one.text for one in pages.blocks(section)]
    (number,) = re.findall(r'member remove "\$\(etcdctl member list \| (.*)\)"\n', remove)
    listed = "".join(
        f"{one}4d1, started, db{one}, http://db{one}:2380, http://db{one}:2379, false\n"
        for one in (1, 2, 3)
    )
    (tmp_path / "listed").write_text(listed)
    assert printed(["sh", "-c", f"{number} listed"], folder=tmp_path) == "24d1\n"
    (tmp_path / "etcd.env.example").write_text(
        (ROOT / "deploy/patroni/etcd.env.example").read_text()
    )
    printed(["sh", "-euc", join.partition(" && ")[2]], folder=tmp_path)
    text = (tmp_path / "etcd.env.example").read_text()
    assert "\nETCD_INITIAL_CLUSTER_STATE=existing\n" in text
    assert join.startswith("cd ~/patroni && ")


def test_no_machine_waits_for_the_others_before_they_are_set_up() -> None:
    """Debian's etcd is `Type=notify`: it is started when most of its members are."""
    assert re.findall(r"^systemctl .*--now .*\betcd\b", PATRONI, re.MULTILINE) == [
        "systemctl disable --now postgresql postgresql@15-main patroni etcd",
        "systemctl disable --now larder-disk-guard patroni etcd",
    ]
    assert "systemctl start --no-block etcd " in PATRONI
