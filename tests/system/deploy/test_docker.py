"""`make docker/…`, with a program in place of the engine that records its arguments.

`make docker/try` tests the image.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
DIGEST = f"@sha256:{'0' * 64}"
ENGINE = """#!/bin/sh
case "$1 ${2:-}" in
"info ") exit "${NO_ENGINE:-0}" ;;
"compose version") exit "${NO_COMPOSE:-0}" ;;
esac
echo "$@" >>"$ASKED"
"""
BUILDS = ("docker/build", "docker/makemigrations", "docker/unittest")
DEVELOPMENT = ("build", "up", "migrate", "makemigrations", "unittest")
COMPOSED = (
    "docker/migrate",
    "down",
    "logs",
    "run-docker",
    *map("docker/compose/{}".format, DEVELOPMENT),
)

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is missing")


@dataclass
class Engine:
    """A container engine that does nothing; `asked` has a line for each of its commands."""

    folder: Path

    def make(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """The status of make, and what it said on standard error."""
        done = subprocess.run(
            [str(shutil.which("make")), *arguments, f"DOCKER={self.folder / 'engine'}"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "ASKED": str(self.folder / "asked"), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr

    @property
    def asked(self) -> list[str]:
        file = self.folder / "asked"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    (tmp_path / "engine").write_text(ENGINE)
    (tmp_path / "engine").chmod(0o755)
    return Engine(tmp_path)


@pytest.mark.parametrize("target", [*BUILDS, *COMPOSED])
def test_each_target_without_an_engine_fails_with_instructions(target: str, engine: Engine) -> None:
    status, said = engine.make(target, NO_ENGINE="1")
    assert status != 0
    first, second, *_ = said.splitlines()
    assert first.startswith("No container engine answers")
    assert first.endswith("start it, or name another one (DOCKER=podman).")
    assert second.startswith("Without one: make docker/try")
    assert engine.asked == []


@pytest.mark.parametrize("target", COMPOSED)
def test_each_target_without_compose_fails_with_instructions(target: str, engine: Engine) -> None:
    status, said = engine.make(target, NO_COMPOSE="1")
    assert status != 0
    assert "has no compose: install its compose plugin" in said
    assert engine.asked == []


def test_the_instructions_without_an_engine_name_existing_targets() -> None:
    message = (ROOT / "deploy" / "docker" / "engine.sh").read_text()
    named = set(re.findall(r"make ([a-z/]+)", message))
    targets = set(re.findall(r"^([a-z/]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named
    assert named <= targets


def test_the_image_is_built_on_the_base_that_the_dockerfile_pins(engine: Engine) -> None:
    assert engine.make("docker/build")[0] == 0
    [build] = engine.asked
    assert re.fullmatch(
        r"build --tag larder:local --build-arg REVISION=\w+ --build-arg CREATED=\S+ \.", build
    )
    pinned = re.findall(
        r"^ARG PYTHON_DIGEST=(.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )
    assert re.fullmatch("@sha256:[0-9a-f]{64}", pinned[0])


@pytest.mark.parametrize("given", [DIGEST, ""])
def test_another_base_image_is_named_by_digest_or_tag(given: str, engine: Engine) -> None:
    tag = ("PYTHON_TAG=3.12-slim-trixie", f"PYTHON_DIGEST={given}")
    assert engine.make("docker/build", *tag)[0] == 0
    assert engine.make("docker/unittest", *tag)[0] == 0
    builds = [line for line in engine.asked if line.startswith("build ")]
    assert len(builds) == 2
    for build in builds:
        assert f" --build-arg PYTHON_TAG=3.12-slim-trixie --build-arg PYTHON_DIGEST={given} " in (
            build
        )


def test_migrations_and_tests_run_in_temporary_containers(engine: Engine) -> None:
    for target in ("docker/migrate", "docker/makemigrations", "docker/unittest"):
        assert engine.make(target, "PYTEST_ARGS=-n 1")[0] == 0
    migrate, _, written, _, tests = engine.asked
    assert migrate == "compose --file deploy/compose/compose.yaml run --rm migrate"
    assert f"--volume {ROOT}/larder:/app/larder" in written
    assert f"--user {os.getuid()}:{os.getgid()}" in written
    assert written.endswith("larder:local python manage.py makemigrations --skip-checks")
    assert tests.startswith("run --rm --init --shm-size 256m larder:local-test ")
    assert tests.endswith("python -m pytest -n 1")


def test_the_development_set_is_built_and_started_with_one_command(engine: Engine) -> None:
    assert engine.make("run-docker")[0] == 0
    assert engine.asked == ["compose build", "compose up --detach --wait"]


def test_migrations_and_tests_run_in_containers_of_the_development_set(engine: Engine) -> None:
    for target in ("migrate", "makemigrations", "unittest"):
        assert engine.make(f"docker/compose/{target}", "TESTS=tests/orders")[0] == 0
    migrate, written, tests = engine.asked
    assert migrate == "compose run --rm migrate"
    assert f"--user {os.getuid()}:{os.getgid()}" in written
    assert written.endswith("migrate python manage.py makemigrations --skip-checks")
    assert tests == "compose run --rm --no-deps web python manage.py test tests/orders"


FILES = (
    "Dockerfile",
    "compose.yaml",
    "deploy/compose/compose.yaml",
    "deploy/kubernetes/watching/alertmanager.yaml",
    "deploy/kubernetes/watching/prometheus.yaml",
    "deploy/patroni/Dockerfile",
)
"""The files that name images of others."""
PINNED = re.compile(r"^(ARG \w+_DIGEST=|.*image: \S+)@sha256:[0-9a-f]{64}$", re.MULTILINE)
BASES = {".": "python", "deploy/patroni": "debian"}
"""The official image that the Dockerfile of a folder is built on."""
BUILDING = ("compose.yaml", "deploy/compose/compose.yaml", "deploy/patroni/compose.yaml")


def pins(root: Path) -> dict[str, str]:
    """What is pinned, and by which digest."""
    compose = (root / "deploy" / "compose" / "compose.yaml").read_text()
    found = dict(re.findall(r"^ *image: ([^$\s]+)@sha256:([0-9a-f]{64})$", compose, re.MULTILINE))
    for folder, base in BASES.items():
        text = (root / folder / "Dockerfile").read_text()
        arguments = dict(re.findall(rf"^ARG {base.upper()}_(TAG|DIGEST)=(.*)$", text, re.MULTILINE))
        name = f"docker.io/library/{base}:{arguments['TAG']}"
        found[name] = arguments["DIGEST"].removeprefix("@sha256:")
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout, as far as images are named in it."""
    for name in FILES:
        (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "copy" / name)
    return tmp_path / "copy"


def ask_for_digests(copy: Path, registry: str) -> subprocess.CompletedProcess[str]:
    """Runs pins.sh with a shell script in the place of docker; `$4` is the image."""
    (copy / "docker").write_text(f"#!/bin/sh\n{registry}\n")
    (copy / "docker").chmod(0o755)
    return subprocess.run(
        ["/bin/sh", ROOT / "deploy" / "docker" / "pins.sh", copy],
        env={"PATH": os.environ["PATH"], "DOCKER": str(copy / "docker")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_file_with_a_digest_is_known() -> None:
    below = [path for path in (ROOT / "deploy").rglob("*") if path.suffix in ("", ".yaml", ".yml")]
    found = [path for path in (*ROOT.iterdir(), *below) if path.is_file() and not path.is_symlink()]
    pinned = {
        str(path.relative_to(ROOT))
        for path in found
        if PINNED.search(path.read_text(encoding="utf-8", errors="replace"))
    }
    assert pinned == set(FILES)


@pytest.mark.parametrize("name", BUILDING)
def test_each_set_is_built_on_the_base_that_the_environment_names(name: str) -> None:
    services = yaml.safe_load((ROOT / name).read_text())["services"].values()
    builds = [one["build"] for one in services if "build" in one]
    assert builds
    for build in builds:
        # Without a value it is that of the environment, and none where that has none.
        given = build.get("args", [])
        args = dict.fromkeys(given) if isinstance(given, list) else given
        base = BASES[os.path.relpath((ROOT / name).parent / build["context"], ROOT)].upper()
        named = (f"{base}_TAG", f"{base}_DIGEST")
        assert {argument: args.get(argument, "") for argument in named} == dict.fromkeys(named)


def test_every_image_of_others_has_a_digest() -> None:
    compose = (ROOT / "deploy" / "compose" / "compose.yaml").read_text()
    named = set(re.findall(r"^ *image: ([^$\s]+)$", compose, re.MULTILINE))
    assert len(named) == 6
    assert {one.partition("@")[0] for one in named} == set(pins(ROOT)) - {
        one for one in pins(ROOT) if one.startswith("docker.io/library/")
    }


def test_only_the_digests_of_images_are_updated(copy: Path) -> None:
    before = pins(copy)
    done = ask_for_digests(
        copy, "printf 'sha256:%s\\n' \"$(printf %s $4 | sha256sum | cut -c-64)\""
    )
    assert (done.returncode, done.stderr) == (0, "")
    now = pins(copy)
    assert set(now) == set(before)
    assert now["postgres:18.4-bookworm"] in (copy / "compose.yaml").read_text()
    for name in FILES:
        digests = set(
            re.findall("@sha256:([0-9a-f]{64})$", (copy / name).read_text(), re.MULTILINE)
        )
        assert digests <= set(now.values())
    assert all(now[name] != before[name] for name in before)
    assert len(set(now.values())) == len(now)
    for name in FILES:
        old, new = (re.sub("[0-9a-f]{64}", "", (r / name).read_text()) for r in (ROOT, copy))
        assert new == old


@pytest.mark.parametrize("registry", ["exit 1", "echo", "echo toomanyrequests"])
def test_a_registry_that_does_not_answer_changes_nothing(copy: Path, registry: str) -> None:
    """The first is printed, the others are not."""
    answers = f"case $4 in *python*) echo sha256:{'1' * 64}; exit ;; esac; {registry}"
    before = pins(copy)
    assert ask_for_digests(copy, answers).returncode != 0
    assert pins(copy) == before
