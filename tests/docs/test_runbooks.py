"""What the runbooks name is what the programs use."""

import os
import re
import shlex
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command

from larder.ops import serve
from tests.database import ROOT
from tools.docs import pages

HOW_TO = ROOT / "docs" / "how-to"
RUNBOOKS = HOW_TO / "runbooks"
ALERTS = (RUNBOOKS / "alerts.md").read_text()
AWS = (RUNBOOKS / "aws.md").read_text()
STATEMENTS = re.findall(r"`(SELECT [^`]+)`", ALERTS)
UPGRADE = (RUNBOOKS / "postgresql-upgrade.md").read_text()
OF_A_CLUSTER = [ALERTS, UPGRADE, (HOW_TO / "deploy" / "patroni.md").read_text()]
"""Pages with commands of patronictl."""


def test_an_upgrade_moves_the_folder_that_the_data_are_in() -> None:
    (used,) = {*re.findall(r"--data \$\(DATA\)/(\w+)", (ROOT / "Makefile").read_text())}
    supervisor = (ROOT / "tools" / "run" / "supervisor.py").read_text()
    assert re.findall(r'Cluster\(self\._settings\.data / "(\w+)"\)', supervisor) == [used]
    assert re.findall(r"^ *mv \.data/(\w+) ", UPGRADE, re.MULTILINE) == [used]
    assert set(re.findall(r"\.data/([\w-]+)", UPGRADE)) == {used, f"{used}-former"}


@pytest.mark.django_db
@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_of_an_alert_runs_in_the_shell_of_the_page(statement: str, capsys: Any) -> None:
    (block,) = [one.text for one in pages.blocks(ALERTS) if one.text.startswith("python manage.py")]
    *words, code = shlex.split(block)
    assert words == ["python", "manage.py", "shell", "--command"]
    assert not set('"$`!%') & set(statement), "the shell or psycopg changes it"
    call_command("shell", command=code.replace("SELECT 1", statement), verbosity=0)
    assert capsys.readouterr().err == ""


def test_an_alert_names_panels_that_the_dashboard_has() -> None:
    dashboard = (ROOT / "deploy/grafana/dashboards/larder.json").read_text()
    named = set(re.findall(r"(?<!\*)\*([A-Z][^*\n]*[^*\n.])\*(?!\*)", ALERTS))
    assert named
    assert [one for one in named if f'"title": "{one}' not in dashboard] == []


def test_patronictl_has_its_file_and_its_password_before_it_is_needed() -> None:
    """The unit of Patroni reads both; the shell of a person has neither."""
    unit = (ROOT / "deploy/patroni/systemd/patroni.service").read_text()
    (environment,) = re.findall(r"^EnvironmentFile=(.*)$", unit, re.MULTILINE)
    (file,) = re.findall(r"^ExecStart=/usr/bin/patroni (.*)$", unit, re.MULTILINE)
    for page in OF_A_CLUSTER:
        assert f"set -a; . {environment}; PATRONICTL_CONFIG_FILE={file}; set +a" in page
    for section in re.split(r"^## ", ALERTS, flags=re.MULTILINE):
        if re.search(r"`patronictl (?!pause)", section):
            assert "PATRONICTL_CONFIG_FILE" in section or "](#larderclusterhasnoprimary)" in section


def test_a_failover_by_hand_names_its_candidate() -> None:
    """Without one patronictl refuses it."""
    asked = [one for page in OF_A_CLUSTER for one in re.findall(r"patronictl failover[^`]*", page)]
    assert asked
    assert [one for one in asked if " --candidate " not in one] == []


def test_no_console_of_pgbouncer_is_named_that_admits_no_user() -> None:
    """Its files name no administrator."""
    files = [*ROOT.glob("deploy/*/pgbouncer.ini")]
    assert files
    if not any("admin_users" in one.read_text() for one in files):
        assert "RECONNECT" not in ALERTS


def test_a_running_server_is_found_by_its_command_line() -> None:
    """It replaces itself by granian, and no word of the Procfile is left in its command line."""
    line = " ".join(serve.command(serve.from_environment({})))
    text = "".join(path.read_text() for path in HOW_TO.rglob("*.md"))
    named = re.findall(r"\bpgrep .*?--full ([^\s)]+)", text)
    assert len(named) > 1
    assert [one for one in named if not re.search(one, line)] == []


def test_a_database_that_is_restored_by_hand_is_backed_up_again() -> None:
    """The plan chooses by a tag, which no restore brings."""
    backup = (ROOT / "deploy/aws/templates/backup.yaml").read_text()
    (tag,) = re.findall(r'ConditionKey: "([^"]+)"', backup)
    restored = r"aws (?:backup start-restore-job|rds restore-db-cluster-[a-z-]+) "
    assert len(re.findall(restored, AWS)) == AWS.count(f" --tags Key={tag},Value=") > 0


def test_an_upgrade_starts_no_worker_before_it_is_checked() -> None:
    """A service that CloudFormation changes gets the number of tasks of its template, if any."""
    worker = (ROOT / "deploy/aws/templates/worker.yaml").read_text()
    assert not re.search(r"^ +DesiredCount: ", worker, re.MULTILINE)
    section = AWS.partition("## The next major version")[2].partition("\n## ")[0]
    steps = ["Commit it", "run pause ", "run up --tag ", "check_invariants ", "run resume\n"]
    places = [section.index(step) for step in steps]
    assert places == sorted(places)
    assert section.count("run up") == 1


def test_a_cluster_is_upgraded_with_the_folders_and_settings_of_its_nodes() -> None:
    """Without patroni.dynamic.json it gets those of patroni.yml, and not what was changed since."""
    text = (ROOT / "deploy/patroni/patroni.yml").read_text()
    node = yaml.safe_load(text)
    section = UPGRADE.partition("\n## Patroni\n")[2].partition("\n## ")[0]
    assert f"mv {node['postgresql']['data_dir']} " in section
    former = node["postgresql"]["bin_dir"]
    assert f"--old-bindir={former} " in section
    (changed,) = re.findall(r"sed -i 's,(\S+),\S+,' \S+\n```\n3\.", section)
    assert text.count(changed) == 1
    assert changed in former
    # What takes longer to write is not shut down cleanly, and pg_upgrade refuses it.
    (stopped, _) = section.split("\nmv /var/lib/postgresql/larder ", 1)
    assert f"{node['bootstrap']['dcs']['primary_stop_timeout']} seconds" in stopped
    assert stopped.endswith("psql --command=CHECKPOINT\nsystemctl stop larder-disk-guard patroni")
    (made,) = re.findall(r"/initdb (.*)", section)
    for option in node["bootstrap"]["initdb"]:
        one = "=".join(*option.items()) if isinstance(option, dict) else option
        assert f"--{one}" in made.split()
    steps = ["/initdb", "/pg_upgrade", "cp -p former/patroni.dynamic.json", "patronictl remove"]
    steps += ["systemctl start patroni", "GRANT larder_app", "start larder-prepare"]
    places = [section.index(step, section.index("/initdb")) for step in steps]
    assert places == sorted(places)
    # A question would take the next line that is pasted for its answer.
    removed = re.findall(r"patronictl remove larder(?: && \\)?\n", section)
    assert len(removed) == section.count("' | patronictl remove")
    # Patroni starts whatever database is there, also one without the shop.
    (upgraded,) = re.findall(r"(?m)^.*/initdb (?:.*\\\n)+.*$", section)
    assert upgraded.count(" && \\\n") == upgraded.count("\n") == len(steps[:5]) - 1
    assert all(step in upgraded for step in steps[:5])


def test_the_leader_is_looked_up_before_its_settings_are_in_the_environment() -> None:
    """Without its file `patronictl list` finds no cluster, and its status is 0."""
    before = UPGRADE.partition("PATRONICTL_CONFIG_FILE")[0]
    named = re.findall(r"`patronictl ([^`]*)", before)
    assert "-c /etc/patroni/patroni.yml list" in named
    assert [one for one in named if one[:3] != "-c " and one != "remove"] == []


def test_a_cluster_admits_the_roles_between_which_its_servers_change() -> None:
    """So does the file of passwords of PgBouncer."""
    page = (HOW_TO / "release.md").read_text()
    (roles,) = re.findall(r"\(`(\w+)` in place of `(\w+)`\)", page)
    node = yaml.safe_load((ROOT / "deploy/patroni/patroni.yml").read_text())
    (admitted,) = [one for one in node["postgresql"]["pg_hba"] if one.startswith("host larder ")]
    assert set(roles) < set(admitted.split()[2].split(","))
    assert "`/etc/pgbouncer/userlist.txt`" in page


def test_a_node_that_is_replaced_after_an_upgrade_gets_the_programs_of_the_page() -> None:
    """But for the former version, and before there are packages with a newer Patroni."""
    asked = r"(?m)^apt-get install -y (patroni .*?)(?: </dev/null)?$"
    (first,) = re.findall(asked, OF_A_CLUSTER[-1])
    (later,) = re.findall(asked, UPGRADE)
    packages = set(first.split())
    assert packages - set(later.split()) == {"postgresql-15"}
    assert set(later.split()) < packages
    (new,) = re.findall(
        r"`bin_dir` in `deploy/\S+` becomes `/usr/lib/postgresql/(\d+)/bin`", UPGRADE
    )
    assert f" apt-get install -y postgresql-{new}\n" in UPGRADE
    # The folder comes with the packages of PostgreSQL, and so does a question about the file.
    assert UPGRADE.index("mkdir -p /etc/postgresql-common\n") < UPGRADE.index(">>/etc/postgresql-")


def test_the_containers_get_the_backup_of_their_upgrade_and_no_other() -> None:
    """If it fails, the last one of every day is still there, and is not taken for it."""
    script = r"(?m)^ *docker compose .* sh \S+/backup\.sh {} [^<>]*(?:</dev/null )?[<>]([\w.]+)"
    made, restored = (re.findall(script.format(one), UPGRADE) for one in ("make", "restore"))
    daily = re.findall(script.format("make"), (HOW_TO / "deployment.md").read_text())
    assert made == restored
    assert len(made) == len(daily) == 1
    assert made[0] not in {*daily, "larder.dump"}
    for name, ignored in {".gitignore": "/larder.dump*", ".dockerignore": "larder.dump*"}.items():
        assert fnmatch(made[0], ignored.lstrip("/"))
        assert ignored in (ROOT / name).read_text().splitlines()


@pytest.mark.system
@pytest.mark.parametrize(
    ("block", "failed", "last"),
    [
        ("make backup ", "backup ", "make backup FILE=/mnt/safe/before-upgrade.dump"),
        ("make restore ", "restore ", "make restore FILE=/mnt/safe/before-upgrade.dump"),
        ("make up", "backup.sh restore", "exec -T primary sh /etc/postgresql/backup.sh restore"),
    ],
)
def test_no_shop_is_opened_without_its_data_after_an_upgrade(
    tmp_path: Path, block: str, failed: str, last: str
) -> None:
    """It starts with an empty database too. The former data stay where no backup was made."""
    (text,) = [one.text for one in pages.blocks(UPGRADE) if one.text.startswith(block)]
    for program in ("docker", "make"):
        stub = tmp_path / program
        stub.write_text(
            f'#!/bin/sh\necho {program} "$@"\ncase "$* " in *"{failed}"*) exit 1 ;; esac\n'
        )
        stub.chmod(0o755)
    (tmp_path / ".data" / "postgresql").mkdir(parents=True)
    (tmp_path / "larder.dump.before").touch()
    done = subprocess.run(
        ["sh", "-c", text],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.endswith(f"{last}\n")
    assert (tmp_path / ".data" / "postgresql").exists()


def test_the_new_version_is_checked_out_between_a_backup_and_its_restore() -> None:
    """What is pasted as one block restores with the former version, and upgrades nothing."""
    steps = re.compile(r"^make (backup|restore) ", re.MULTILINE)
    found = [steps.findall(one.text) for one in pages.blocks(UPGRADE)]
    assert [one for one in found if one] == [["backup"], ["restore"]]


def test_no_command_follows_a_restore_that_failed() -> None:
    """It would open the shop, which may be empty, or end the log-ins of the former data."""
    texts = [one.text for page in HOW_TO.rglob("*.md") for one in pages.blocks(page.read_text())]
    restore = r"(?m)^.*(?:backup(?:\.sh)? restore <|make restore |pg:backups:restore ).*\n?.*"
    restores = re.findall(restore, "\n\n".join(texts))
    followed = [first for first, _, then in (one.partition("\n") for one in restores) if then]
    assert len(followed) == 4
    assert [one for one in followed if not one.endswith(" && \\")] == []


def test_the_former_data_of_an_upgrade_are_deleted_by_separate_blocks() -> None:
    """It is pasted days later, and no other step is pasted with it."""
    deleting = re.compile(r" rm -r \S+/former\b|/backup\.sh forget\b|^rm -rf \S+/former ")
    blocks = [one.text.splitlines() for one in pages.blocks(UPGRADE)]
    found = [one for one in blocks if any(map(deleting.search, one))]
    assert len(found) > 1
    assert [line for one in found for line in one if not deleting.search(line)] == []


def test_no_data_are_deleted_for_an_upgrade_before_their_backup_is_made() -> None:
    (line,) = re.findall(r"(?m)^.*docker volume rm .*$", UPGRADE)
    made, deleted = line.index(".dump.new && mv "), line.index(" && compose down && docker volume ")
    assert made < deleted
    composed = yaml.safe_load((ROOT / "deploy/patroni/compose.yaml").read_text())
    given = set(re.findall(rf"\b{composed['name']}_(\w+)", line))
    assert given == composed["volumes"].keys() - {"pictures"}


@pytest.mark.system
@pytest.mark.parametrize("kept", [True, False])
def test_an_upgrade_is_taken_back_only_where_the_former_data_are(
    tmp_path: Path, *, kept: bool
) -> None:
    """Also when the block is pasted a second time."""
    section = UPGRADE.partition("\nTo go back, while `former` is there")[2]
    block = next(pages.blocks(section)).text
    (tmp_path / "systemctl").write_text(f"#!/bin/sh\ntouch {tmp_path}/stopped\n")
    (tmp_path / "systemctl").chmod(0o755)
    (tmp_path / "patroni.yml").write_text("bin_dir: /usr/lib/postgresql/18/bin\n")
    for name in ["larder", "former"] if kept else ["larder"]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "PG_VERSION").write_text("15\n" if name == "former" else "18\n")
    for folder in ("/var/lib/postgresql", "/etc/patroni"):
        block = block.replace(folder, str(tmp_path))
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    said = ""
    for _ in range(2):
        done = subprocess.run(
            ["sh", "-c", block], env=environment, capture_output=True, text=True, check=False
        )
        said = done.stderr
    version = "15" if kept else "18"
    assert (tmp_path / "larder/PG_VERSION").read_text() == f"{version}\n"
    assert f"/postgresql/{version}/bin" in (tmp_path / "patroni.yml").read_text()
    assert (tmp_path / "stopped").exists() == kept
    assert "PG_VERSION" in said


def test_the_owners_commands_run_in_what_prepares() -> None:
    """Nothing else has the owner's address."""
    page = (RUNBOOKS / "backup-and-restore.md").read_text()
    unit = (ROOT / "deploy/ec2/larder-prepare.service").read_text()
    files = re.findall(r"^EnvironmentFile=(.*)$", unit, re.MULTILINE)
    assert " -p EnvironmentFile=".join(["", *files]) + " /opt/larder/.venv/bin/python" in page
    single = (ROOT / "deploy/aws/templates/single.yaml").read_text()
    page = (HOW_TO / "deploy/ecs-ec2.md").read_text()
    (family,) = re.findall(r"--task-definition (\S+) \\\s+--overrides", page)
    (container,) = re.findall(rf"Family: {family}\n(?:.*\n)*?\s+- Name: (\w+)", single)
    assert f'"containerOverrides": [{{"name": "{container}"' in page


def test_a_job_of_a_cluster_has_ended_before_the_next_one_takes_its_name() -> None:
    """What ends log-ins comes after the migrations, while no server runs."""
    page = (RUNBOOKS / "backup-and-restore.md").read_text()
    (line,) = [one for one in page.splitlines() if "kubectl kustomize" in one]
    steps = ["is stopped](", "--for=condition=complete", "delete job prepare`", "| kubectl apply"]
    steps += ["Wait for it too", "logs job/prepare"]
    places = [line.index(step) for step in steps]
    assert places == sorted(places)
