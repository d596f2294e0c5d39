"""python -m tools.dependencies: what can be said of the locked packages without a network.

Every one has hashes and one version in prod, run and dev; each of production's has a licence that
lets all clients use it; each that pyproject.toml asks for is used. Advisories need a network:
`make audit`. `--sbom FILE` writes production's bill of materials (CycloneDX) and has it validated.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from tools.terminal import complain, say

CHECKOUT = Path(__file__).resolve().parents[1]
FILES = ("prod", "run", "dev", "docs")
PERMISSIVE = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|Unlicense|0BSD|Zlib)", re.IGNORECASE
)
ACCEPTED = {
    # A list of authorities, taken as it is.
    "certifi": "MPL-2.0",
    # Used as it comes, through its interface: their licence requires nothing more of such users.
    "psycopg": "LGPL-3.0",
    "psycopg-binary": "LGPL-3.0",
    "psycopg-pool": "LGPL-3.0",
}
"""Licences that a person has checked."""
NEVER_IMPORTED = {
    "argon2-cffi": "Django's hasher uses it",
    "pymemcache": "Django's cache uses it",
    "django-storages": "STORAGES",
    "django-unfold": "INSTALLED_APPS",
    "tzdata": "zoneinfo reads it where the system has no time zones",
}


def main() -> int:
    """Say what is wrong; status 1 if something is."""
    parser = argparse.ArgumentParser(prog="python -m tools.dependencies")
    parser.add_argument("--sbom", type=Path, help="write the bill of materials to this file")
    options = parser.parse_args()
    if options.sbom:
        return write_sbom(options.sbom)
    locked = {name: pins((CHECKOUT / "requirements" / f"{name}.txt").read_text()) for name in FILES}
    faults = [*differing(locked), *unlicensed(locked["prod"]), *unused()]
    for fault in faults:
        complain(fault)
    if not faults:
        say(f"{len(locked['prod'])} packages in production, {len(locked['dev'])} here: all well")
    return 1 if faults else 0


def pins(text: str) -> dict[str, tuple[str, int]]:
    """Each package of a requirements file: its version and how many hashes it has."""
    found: dict[str, tuple[str, int]] = {}
    for entry in re.split(r"\n(?=\S)", text):
        match = re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", entry)
        if match:
            name = canonical(match[1])
            _, before = found.get(name, ("", 0))
            found[name] = (match[2], before + entry.count("--hash=sha256:"))
    return found


def canonical(name: str) -> str:
    """A package's name as all spellings of it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def differing(locked: dict[str, dict[str, tuple[str, int]]]) -> list[str]:
    """Packages without hashes, or of another version than here."""
    bare = [
        f"requirements/{file}.txt: {name} has no hash"
        for file, packages in locked.items()
        for name, (_, hashes) in packages.items()
        if not hashes
    ]
    return bare + [
        f"{name}: {version} in {file}.txt, and not so in dev.txt"
        for file in ("prod", "run")
        for name, (version, _) in locked[file].items()
        if locked["dev"].get(name, ("", 0))[0] != version
    ]


def unlicensed(packages: dict[str, tuple[str, int]]) -> list[str]:
    """Packages of production whose licence is neither permissive nor looked at."""
    faults = []
    for name in packages:
        try:
            licence = licence_of(metadata.metadata(name))
        except metadata.PackageNotFoundError:
            continue  # for another system or Python
        if not PERMISSIVE.search(licence) and ACCEPTED.get(name, "?") not in licence:
            faults.append(f"{name}: licence {licence or 'unknown'} has to be looked at")
    return faults


def licence_of(package: metadata.PackageMetadata) -> str:
    """What a package says of its licence, in whichever field."""
    classifiers = [one for one in package.get_all("Classifier", []) if one.startswith("License")]
    texts = [*package.get_all("License-Expression", []), *package.get_all("License", [])]
    return " ".join([*(text.strip().split("\n")[0] for text in texts), *classifiers])


def unused() -> list[str]:
    """Packages that pyproject.toml asks for in production and no line of ours names."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    asked = {canonical(re.split(r"[^\w.-]", one)[0]) for one in project["dependencies"]}
    modules: dict[str, set[str]] = {}
    for module, packages in metadata.packages_distributions().items():
        for package in packages:
            modules.setdefault(canonical(package), set()).add(module)
    sources = [path for part in ("larder", "config") for path in (CHECKOUT / part).rglob("*.py")]
    text = "\n".join(path.read_text() for path in sources)
    return [
        f"{name}: nothing in larder/ or config/ uses it"
        for name in sorted(asked - set(NEVER_IMPORTED))
        if not any(re.search(rf"\b{re.escape(one)}\b", text) for one in modules.get(name, {name}))
    ]


def write_sbom(file: Path) -> int:
    """CycloneDX of what is locked for production, validated against its schema by its writer."""
    file.parent.mkdir(parents=True, exist_ok=True)
    command = [
        # It misses a tree of dependencies, which a lock file has not.
        *(
            sys.executable,
            "-W",
            "ignore::UserWarning",
            "-m",
            "cyclonedx_py",
            "requirements",
            "requirements/prod.txt",
        ),
        *("--pyproject", "pyproject.toml", "--output-reproducible", "--validate"),
        *("--of", "JSON", "--output-file", str(file)),
    ]
    status = subprocess.run(command, cwd=CHECKOUT, check=False).returncode
    if status == 0:
        listed = len(json.loads((CHECKOUT / file).read_text())["components"])
        say(f"{file}: {listed} components")
    return status


if __name__ == "__main__":
    sys.exit(main())
