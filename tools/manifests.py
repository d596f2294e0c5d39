"""python -m tools.manifests FILE...: checks Kubernetes manifests; `-` is standard input.

Kubernetes' own kinds by its schemas, for each of VERSIONS; those of the Gateway API and of the AWS
Load Balancer Controller by deploy/kubernetes/schemas. Members that a schema does not know are
refused. Prints a line for each fault, and returns 1 if there is one.

    python -m tools.manifests --learn standard-install.yaml gateway-crds.yaml

writes these schemas anew, from the definitions (CRDs) that the two projects release.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from jsonschema_rs import Draft202012Validator

from tools.terminal import say

FOLDER = Path(__file__).resolve().parents[1] / "deploy" / "kubernetes" / "schemas"
VERSIONS = ("1.33", "1.35")
"""The oldest version of Kubernetes that is maintained, and a new one."""
KINDS = {
    "GatewayClass",
    "Gateway",
    "HTTPRoute",
    "LoadBalancerConfiguration",
    "TargetGroupConfiguration",
}


def main(arguments: Sequence[str]) -> int:
    """Checks or learns; returns the exit status."""
    if arguments[:1] == ["--learn"]:
        for path in arguments[1:]:
            learn(Path(path).read_text())
        return 0
    faults = [
        f"{path}: {fault}"
        for path in arguments
        for manifest in yaml.safe_load_all(_text(path))
        for fault in faults_of(manifest)
    ]
    for fault in faults:
        say(fault)
    return int(bool(faults))


def _text(path: str) -> str:
    return sys.stdin.read() if path == "-" else Path(path).read_text()


def faults_of(manifest: dict[str, Any]) -> Iterator[str]:
    """Yields what its schemas refuse."""
    group, _, version = manifest["apiVersion"].partition("/")
    name = f"{manifest['kind']} {manifest['metadata']['name']}"
    file = FOLDER / f"{manifest['kind']}.{group}.{version}.json"
    if file.exists():
        for error in Draft202012Validator(json.loads(file.read_text())).iter_errors(manifest):
            yield f"{name}: {'/'.join(map(str, error.instance_path))}: {error.message}"
        return
    for kubernetes in VERSIONS:
        try:
            kubernetes_validate.validate(manifest, kubernetes, strict=True)
        except (
            kubernetes_validate.ValidationError,
            kubernetes_validate.SchemaNotFoundError,
        ) as error:
            yield f"{name}: {error.message}"


def learn(definitions: str) -> None:
    """Writes the schema of each version of KINDS that a cluster serves."""
    for one in yaml.safe_load_all(definitions):
        if one and one["kind"] == "CustomResourceDefinition":
            kind, group = one["spec"]["names"]["kind"], one["spec"]["group"]
            for version in one["spec"]["versions"] if kind in KINDS else ():
                if version["name"] == "v1":
                    schema = strict(version["schema"]["openAPIV3Schema"])
                    # A definition leaves it to Kubernetes.
                    schema["properties"]["metadata"] = {"type": "object"}
                    text = json.dumps(schema, separators=(",", ":"))
                    (FOLDER / f"{kind}.{group}.v1.json").write_text(f"{text}\n")


def strict(schema: Any) -> Any:
    """Returns the schema without texts and without Kubernetes' extensions. Objects have no other
    members than those that it names."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        name: {key: strict(one) for key, one in value.items()}
        if name == "properties"
        else strict(value)
        for name, value in schema.items()
        if name != "description" and not name.startswith("x-kubernetes-")
    }
    return {"additionalProperties": False} | kept if "properties" in kept else kept


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
