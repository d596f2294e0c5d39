"""Images: built here, kept in ECR, known by their digest from then on."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from deploy.aws.larder_aws.failure import Failure

ROOT = Path(__file__).resolve().parents[3]
REPOSITORY = "larder"
ENGINES = ("docker", "podman")
GRAVE = ("CRITICAL", "HIGH")
FIXABLE = ("YES", "PARTIAL")
SCANNED = ("COMPLETE", "ACTIVE")
"""A basic scan that ended; an enhanced one, which goes on and tells what it found so far."""
SCANNING = ("not begun", "PENDING", "IN_PROGRESS")
LONGEST_SCAN_SECONDS = 900


def build(tag: str, *, platform: str, cached: bool = True) -> None:
    """Larder's own image, then AWS's one file on top of it: larder:<tag> and larder-aws:<tag>."""
    made = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    answers = ("--build-arg", f"REVISION={_revision()}", "--build-arg", f"CREATED={made}")
    # With its cache the engine keeps packages of an earlier day.
    fresh = () if cached else ("--no-cache",)
    _engine("build", *fresh, "--platform", platform, *answers, "--tag", f"larder:{tag}", ".")
    on_top = ("--build-arg", f"IMAGE=larder:{tag}", "--file", "deploy/aws/Dockerfile", "deploy/aws")
    _engine("build", "--platform", platform, "--tag", f"larder-aws:{tag}", *on_top)


def push(tag: str) -> str:
    """Put the built image into ECR under this tag, which nothing can take again; its name."""
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


def findings(image: str, *, poll_seconds: float) -> dict[str, Any]:
    """Return what ECR's scan of an image found (`imageScanFindings`); wait for its end.

    Raises Failure where there is no scan, or none that ended: the image was not checked.
    """
    client, digest = boto3.client("ecr"), image.partition("@")[2]
    deadline, status = time.monotonic() + LONGEST_SCAN_SECONDS, ""
    while time.monotonic() < deadline:
        try:
            pages = list(
                client.get_paginator("describe_image_scan_findings").paginate(
                    repositoryName=REPOSITORY, imageId={"imageDigest": digest}
                )
            )
            status = pages[0]["imageScanStatus"]["status"]
        except client.exceptions.ScanNotFoundException:
            # Right after a push there is none yet.
            pages, status = [], "not begun"
        if status in SCANNED:
            return _together([one.get("imageScanFindings", {}) for one in pages])
        if status not in SCANNING:
            break
        time.sleep(poll_seconds)
    raise Failure(
        f"The scan of {image} is {status}: check it in ECR, `aws ecr start-image-scan` begins"
        " another. --allow-findings goes on without one."
    )


def _together(pages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    counts = pages[0].get("findingSeverityCounts", {})
    enhanced = [one for page in pages for one in page.get("enhancedFindings", [])]
    return {"findingSeverityCounts": counts, "enhancedFindings": enhanced}


def refuse_grave(image: str, *, poll_seconds: float = 5.0) -> str:
    """Return what is to be said of the scan; Failure for what is grave and has a fix.

    Debian's base always has findings without one, which no build can mend. Only an enhanced scan
    (Amazon Inspector) says which have a fix: a basic one refuses nothing.
    """
    found = findings(image, poll_seconds=poll_seconds)
    fixable = Counter(
        one["severity"] for one in found["enhancedFindings"] if one.get("fixAvailable") in FIXABLE
    )
    grave = {name: fixable[name] for name in GRAVE if fixable[name]}
    if grave:
        raise Failure(
            f"The scan of {image} found {grave} that a newer package fixes: build it again without"
            " the cache, with another tag (`build --no-cache --tag NAME`, then `push` and this"
            " with it), check it in ECR, or --allow-findings."
        )
    unjudged = {n: c for n, c in found["findingSeverityCounts"].items() if n in GRAVE}
    if found["enhancedFindings"] or not unjudged:
        return "scan: nothing grave that has a fix"
    return f"scan: {unjudged}; a basic scan does not say which of them have a fix"


def _uri() -> str:
    found = boto3.client("ecr").describe_repositories(repositoryNames=[REPOSITORY])
    return str(found["repositories"][0]["repositoryUri"])


def _engine(*arguments: str, given: str | None = None) -> None:
    named = os.environ.get("DOCKER")
    engine = named or next((one for one in ENGINES if shutil.which(one)), None)
    if engine is None:
        raise Failure("Neither docker nor podman is on the PATH: install one, or set DOCKER.")
    _run([engine, *arguments], given)


def _revision() -> str:
    command = ["git", "rev-parse", "HEAD"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def _run(command: Sequence[str], given: str | None) -> None:
    # With attestations an image is an index of several, which ECR does not scan.
    plain = os.environ | {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
    ended = subprocess.run(command, cwd=ROOT, env=plain, input=given, text=True, check=False)
    if ended.returncode:
        raise Failure(f"{' '.join(command)} ended with {ended.returncode}. Read its output above.")
