"""What the image promises of itself, looked at in its files and from within."""

from __future__ import annotations

from pathlib import Path

from tools.errors import LauncherError
from tools.image.buildah import Image
from tools.image.container import Containers

MEGABYTE = 1_000_000
OWN_LIMIT = 165 * MEGABYTE
"""What Larder and its packages may add to the base. Of them Pillow has 23 MB, boto3 10."""
TO_BUILD_WITH = (
    *("cc", "gcc", "g++", "c++", "clang", "ld", "as", "make", "cmake", "git", "curl", "wget"),
    *("pip", "pip3", "uv", "pytest", "mypy"),
)
NOT_SHIPPED = ("tests", "tools", "benchmarks", "deploy", ".git", ".env", ".data", "Makefile")
PICTURES = "/var/lib/larder/pictures"
"""Where the volume of uploaded pictures is mounted: the image has an empty folder of its user."""
S3_CLIENTS = "import boto3\nfor name in 's3', 'sts': boto3.client(name, region_name='eu-west-1')"
"""The image has botocore's descriptions of these services only: all others take 22 MB."""
WRITABLE = "find / -xdev \\( -type f -o -type d \\) -writable -not -path /tmp 2>/dev/null; true"


def look(containers: Containers) -> list[str]:
    """Lines about what was found. Raises LauncherError when a promise is not kept."""
    image = containers.image
    _no_tools(image.tree)
    _labelled(image)
    looks = [_identity(containers), _read_only(containers), _s3(containers), _nginx(containers)]
    return [*looks, _size(image.tree)]


def _no_tools(tree: Path) -> None:
    folders = [tree / name for name in ("usr/bin", "usr/local/bin", "usr/sbin", "opt/venv/bin")]
    found = [f"/{(folder / name).relative_to(tree)}" for folder in folders for name in TO_BUILD_WITH
             if (folder / name).exists()]  # fmt: skip
    found += [f"/app/{name}" for name in NOT_SHIPPED if (tree / "app" / name).exists()]
    if found:
        raise LauncherError(f"Remove from the image: {', '.join(found)}")


def _labelled(image: Image) -> None:
    names = {"title", "description", "licenses", "revision", "created"}
    missing = {f"org.opencontainers.image.{name}" for name in names} - set(image.labels)
    if missing:
        raise LauncherError(f"Set these labels in the Dockerfile: {', '.join(sorted(missing))}")


def _identity(containers: Containers) -> str:
    user = containers.image.user
    if not all(part.isdigit() and int(part) for part in user.split(":")):
        raise LauncherError(f"Set USER to the number of a user other than root, not to {user}.")
    status = containers.run("cat", "/proc/self/status")
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    if lines["Uid"].split() != [user.split(":")[0]] * 4 or int(lines["CapEff"], 16):
        raise LauncherError(f"Remove its rights: it runs as {lines['Uid']} with {lines['CapEff']}.")
    return f"runs as {user}, without capabilities"


def _read_only(containers: Containers) -> str:
    open_places = containers.run("sh", "-c", WRITABLE).split()
    user, tree = int(containers.image.user.split(":")[0]), containers.image.tree
    owned = (path for path in tree.rglob("*") if path.lstat().st_uid == user)
    open_places += [f"/{path.relative_to(tree)}" for path in owned]
    others = sorted(set(open_places) - {PICTURES})
    if others:
        raise LauncherError(f"Remove the user's right to write to {', '.join(others[:10])}")
    return f"its user may write nowhere but to /tmp and {PICTURES}"


def _s3(containers: Containers) -> str:
    containers.run("python", "-c", S3_CLIENTS)
    return "its S3 client has the description of the service"


def _nginx(containers: Containers) -> str:
    containers.run("nginx", "-t", "-c", "/etc/nginx/sidecar.conf")
    return "its nginx takes /etc/nginx/sidecar.conf"


def _size(tree: Path) -> str:
    whole = size(tree)
    own = size(tree / "opt/venv") + size(tree / "app")
    if own > OWN_LIMIT:
        raise LauncherError(f"Remove packages or files: the image adds {own / MEGABYTE:.0f} MB.")
    return f"{own / MEGABYTE:.0f} MB above its base ({whole / MEGABYTE:.0f} MB with it)"


def size(tree: Path) -> int:
    """The bytes of all files below."""
    files = (path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files)
