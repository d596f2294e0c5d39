"""Images: built here, kept in ECR, known by their digest from then on."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

from deploy.aws.larder_aws.failure import Failure

ROOT = Path(__file__).resolve().parents[3]
REPOSITORY = "larder"
ENGINES = ("docker", "podman")
GRAVE = ("CRITICAL", "HIGH")


def build(tag: str, *, platform: str) -> None:
    """Larder's own image, then AWS's one file on top of it: larder:<tag> and larder-aws:<tag>."""
    _engine("build", "--platform", platform, "--tag", f"larder:{tag}", ".")
    on_top = ("--build-arg", f"IMAGE=larder:{tag}", "--file", "deploy/aws/Dockerfile", "deploy/aws")
    _engine("build", "--platform", platform, "--tag", f"larder-aws:{tag}", *on_top)


def push(tag: str) -> str:
    """Puts the built image into ECR under this tag, which nothing can take again; its name."""
    [given] = boto3.client("ecr").get_authorization_token()["authorizationData"]
    user, _, password = base64.b64decode(given["authorizationToken"]).decode().partition(":")
    registry = given["proxyEndpoint"].removeprefix("https://")
    _engine("login", "--username", user, "--password-stdin", registry, given=password)
    remote = f"{_uri()}:{tag}"
    _engine("tag", f"larder-aws:{tag}", remote)
    _engine("push", remote)
    return named(tag)


def named(tag: str) -> str:
    """`…/larder@sha256:…` of a tag in ECR; Failure where there is none."""
    client = boto3.client("ecr")
    try:
        found = client.describe_images(repositoryName=REPOSITORY, imageIds=[{"imageTag": tag}])
    except ClientError as error:
        raise Failure(f"ECR has no image {tag}: {error}. Run `build` and `push` first.") from None
    return f"{_uri()}@{found['imageDetails'][0]['imageDigest']}"


def findings(image: str) -> dict[str, int]:
    """What ECR's scan of an image found, by severity; nothing while it is under way."""
    digest = image.partition("@")[2]
    try:
        found = boto3.client("ecr").describe_image_scan_findings(
            repositoryName=REPOSITORY, imageId={"imageDigest": digest}
        )
    except ClientError:
        return {}
    return dict(found.get("imageScanFindings", {}).get("findingSeverityCounts", {}))


def refuse_grave(image: str) -> None:
    """Failure where the scan found something critical or high."""
    grave = {name: count for name, count in findings(image).items() if name in GRAVE}
    if grave:
        raise Failure(f"The scan of {image} found {grave}: look at it in ECR, or --allow-findings.")


def _uri() -> str:
    found = boto3.client("ecr").describe_repositories(repositoryNames=[REPOSITORY])
    return str(found["repositories"][0]["repositoryUri"])


def _engine(*arguments: str, given: str | None = None) -> None:
    named = os.environ.get("DOCKER")
    engine = named or next((one for one in ENGINES if shutil.which(one)), None)
    if engine is None:
        raise Failure("Neither docker nor podman is on the PATH; DOCKER= names another.")
    _run([engine, *arguments], given)


def _run(command: Sequence[str], given: str | None) -> None:
    ended = subprocess.run(command, cwd=ROOT, input=given, text=True, check=False)
    if ended.returncode:
        raise Failure(f"{' '.join(command)} ended with {ended.returncode}; its words are above.")
