"""The pages of Kubernetes, EKS and Terraform: secrets, versions, stops and tear-downs."""

import json
import os
import re
from pathlib import Path

import pytest
import yaml

from tests.database import ROOT
from tests.programs import printed
from tools.docs import pages

ROADS = ROOT / "docs" / "how-to" / "deploy"
PATH = os.environ["PATH"]
KUBERNETES = (ROADS / "kubernetes.md").read_text()


def test_a_cluster_that_was_stopped_has_its_pods_again() -> None:
    """An autoscaler leaves what has no pods alone, and the file of the servers names no number."""
    folder = ROOT / "deploy/kubernetes"
    scaler = next(yaml.safe_load_all((folder / "server/scaling.yaml").read_text()))
    worker = yaml.safe_load((folder / "server/worker.yaml").read_text())
    server = yaml.safe_load((folder / "pods/server.yaml").read_text())
    assert "replicas" not in server["spec"]
    needed = {"server": scaler["spec"]["minReplicas"], "worker": worker["spec"]["replicas"]}
    page = KUBERNETES
    scaled = re.findall(r"`kubectl -n larder scale ([^`]*) --replicas=(\d+)`", page)
    asked = {(one, int(number)) for names, number in scaled for one in names.split()}
    names = {(f"deployment/{one}", number) for one, number in needed.items()}
    assert asked == names | {(one, 0) for one, _ in names}
    # The file of the worker names one, which the next `kubectl apply` restores.
    assert "(on EKS `eks`) starts the worker, but no servers" in page


def test_a_changed_setting_is_applied_on_eks_by_its_own_folder() -> None:
    """That of Kubernetes would take the load balancer from the shop."""
    assert "](kubernetes.md#a-changed-setting-and-a-stop)" in (ROADS / "eks.md").read_text()
    page = KUBERNETES
    section = page.partition("\n## A changed setting, and a stop\n")[2].partition("\n## ")[0]
    applied = re.findall(r"`kubectl apply(?: -k [^`]*)?`.{0,40}", section)
    assert applied
    assert [one for one in applied if "(on EKS " not in one] == []


def test_a_restored_database_is_admitted_before_it_is_prepared() -> None:
    """The job of `prepare` reaches no database but those of the policy, as the servers."""
    policies = yaml.safe_load_all((ROOT / "deploy/kubernetes/server/network.yaml").read_text())
    (policy,) = [one for one in policies if one["metadata"]["name"] == "names-and-databases"]
    assert policy["spec"]["podSelector"] == {}
    page = KUBERNETES
    assert "In `server/network.yaml` narrow " in page
    _, restored, after = page.partition(
        "A restored database with another address: before the stop,"
    )
    assert restored
    assert "`server/network.yaml`" in after.partition("`DATABASE_URL`")[0]


def test_a_secret_of_a_cluster_is_changed_by_a_command_that_accepts_it() -> None:
    """`kubectl create` refuses a name that there is."""
    page = KUBERNETES
    (patch,) = re.findall(r"kubectl -n larder patch secret larder --patch '([^']*)'", page)
    [(member, values)] = json.loads(patch).items()
    assert member == "stringData"
    example = (ROOT / ".env.example").read_text()
    assert [name for name in values if f"{name}=" not in example] == []


def test_a_tear_down_names_each_namespace_that_others_may_use() -> None:
    """A cluster may have had a Prometheus in `monitoring`, and a controller of the Gateway API."""
    page = KUBERNETES
    deleted = re.findall(r"`kubectl delete namespace ([^`]*)`", page)
    assert deleted == ["larder", "monitoring", "envoy-gateway-system"]


def test_what_eks_logs_while_it_ends_is_deleted() -> None:
    """EKS makes the group again, and the next `apply` is refused."""
    cluster = (ROOT / "deploy/terraform/eks/main.tf").read_text()
    ((group,),) = [re.findall(r'name += "(/aws/eks/.*)"', cluster)]
    page = (ROADS / "eks.md").read_text()
    (cluster_name,) = re.findall(r"update-kubeconfig --name (\S+)", page)
    deleted = f"delete-log-group --log-group-name {group.replace('${var.name}', cluster_name)}`"
    assert deleted in page.partition("](terraform.md#tear-it-down)")[2]


def test_the_load_balancer_controller_answers_before_there_is_something_to_admit() -> None:
    """The cluster asks it about each Service and each pod of the shop."""
    page = (ROADS / "eks.md").read_text()
    (installed,) = re.findall(r"^helm install (?:.*\\\n)*.*$", page, re.MULTILINE)
    assert "--wait " in installed


def test_a_secret_of_a_cluster_that_comes_from_files_can_be_replaced() -> None:
    """`kubectl create` refuses a name that there is, as after new passwords."""
    text = "".join((ROADS / f"{name}.md").read_text() for name in ("kubernetes", "eks"))
    lines = re.sub(r" \\\n *", " ", text).splitlines()
    from_files = re.compile(r"create secret (?:tls |generic .*--from-(?:env-)?file=)")
    made = [one for one in lines if from_files.search(one)]
    assert made
    again = " --dry-run=client -o yaml | kubectl apply -f -"
    assert [one for one in made if not one.endswith(again)] == []


def test_a_secret_of_a_cluster_is_replaced_by_what_was_read() -> None:
    """A new shell has no `secret`: of an empty file `kubectl` makes a secret without a value."""
    lines = re.sub(r" \\\n *", " ", (ROADS / "eks.md").read_text()).splitlines()
    made = [one.strip() for one in lines if "--from-env-file=" in one]
    assert made
    read = re.compile(r"secret \w+ > (\S+) && kubectl .* --from-env-file=\1 ")
    assert [one for one in made if not read.match(one)] == []


@pytest.mark.system
@pytest.mark.parametrize("read", ["server prepare", "server", "prepare"])
def test_settings_from_terraform_are_replaced_by_all_that_was_read(
    tmp_path: Path, read: str
) -> None:
    """A new shell has no region: without the secrets the former files would be lost."""
    page = (ROADS / "terraform.md").read_text()
    (block,) = [one.text for one in pages.blocks(page) if one.text.startswith("secret() {")]
    answers = {"server": "SECRET_KEY", "prepare": "OWNER_DATABASE_URL"}
    cases = "".join(
        f'*larder/production/{name}*) echo \'{{"{answers[name]}": "1"}}\' ;;\n'
        for name in read.split()
    )
    programs = {
        "aws": f'case "$*" in\n{cases}*) exit 254 ;;\nesac\n',
        "terraform": "echo CURRENCY=GBP\n",
    }
    for name, script in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}")
        (tmp_path / name).chmod(0o755)
    files = [tmp_path / "prod.env", tmp_path / "prepare.env"]
    for file in files:
        file.write_text("former\n")
    printed(["sh", "-c", block], folder=tmp_path, environment={"PATH": f"{tmp_path}:{PATH}"})
    settings = "CURRENCY=GBP\nSECRET_KEY=1\n"
    made = [settings, f"{settings}OWNER_DATABASE_URL=1\n"]
    whole = len(read.split()) == len(answers)
    assert [file.read_text() for file in files] == (made if whole else ["former\n"] * 2)


@pytest.mark.parametrize("name", ["kubernetes", "eks"])
def test_a_version_is_applied_if_its_preparation_succeeded(name: str) -> None:
    """A worker does not look whether the database has its migrations."""
    blocks = pages.blocks((ROADS / f"{name}.md").read_text())
    (text,) = [one.text for one in blocks if "delete job prepare" in one.text]
    conditions = re.findall(r"^ *(.*)kubectl apply -k \S+$", text, re.MULTILINE)
    assert [one.endswith("job/prepare && ") for one in conditions] == [False, True]
    shown, served = map(text.index, (" logs job/prepare\n", "--for=condition=complete "))
    assert shown < served
    followed = re.findall(r"rollout status deployment/(\w+)$", text, re.MULTILINE)
    assert followed == ["server", "worker"]


@pytest.mark.parametrize("name", ["kubernetes", "eks"])
def test_the_first_request_is_sent_when_the_gateway_has_an_address(name: str) -> None:
    page = (ROADS / f"{name}.md").read_text()
    waited, named = map(page.index, ("condition=Programmed", "get gateway larder\n"))
    assert waited < named < page.index('/readyz"\n' if name == "eks" else "/readyz\n")
