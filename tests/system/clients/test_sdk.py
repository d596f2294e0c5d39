"""The SDK: its tests against a real server, and its committed build."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pages import DOCS, blocks
from tests.server import Server
from tests.system.clients.npm import SDK, install, node

MOST_LINES = 680


def test_the_sdk_passes_its_tests_against_a_real_server(
    server: Server, person: Callable[..., object]
) -> None:
    person("sdk-staff", "12345", is_staff=True, is_superuser=True)
    environment = {
        "LARDER_URL": f"http://127.0.0.1:{server.port}",
        "LARDER_STAFF": "sdk-staff:12345",
    }
    said = node("node", "--test", "tests/conformance.test.js", folder=SDK, environment=environment)
    assert re.search(r"^\S+ fail 0$", said, re.MULTILINE), said


def test_the_examples_of_the_readme_print_what_it_says(
    server: Server, person: Callable[..., object], product: Callable[..., int], tmp_path: Path
) -> None:
    person("demo", "demo")
    lamp = product(price="2.50", stock=10)
    examples = blocks((SDK / "README.md").read_text())
    sent = "\nawait larder.outbox.flush();\n"
    app = sent.join(block.text for block in examples if block.language == "js")
    app = app.replace("product: 1,", f"product: {lamp},").replace(":8000", f":{server.port}")
    (tmp_path / "app.mjs").write_text(app + "stop();")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "larder-client").symlink_to(SDK)
    said = node("node", "app.mjs", folder=tmp_path).splitlines()
    assert "placed 5.00" in said
    refused = said.index("refused insufficient_stock")
    assert re.fullmatch(rf"product {lamp}: \d+ available", said[refused + 1])
    number = next(line.split()[0] for line in said if line.endswith(" placed 5.00"))
    assert said[-2:] == [f"{number} cancelled", "false"]


@pytest.mark.parametrize("page", [SDK / "README.md", DOCS / "start.md"])
def test_the_examples_compile_in_typescript(page: Path, tmp_path: Path) -> None:
    install(SDK)
    code = [block.text for block in blocks(page.read_text()) if block.language == "js"]
    assert code
    (tmp_path / "app.mts").write_text("\n".join(code))
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "larder-client").symlink_to(SDK)
    strict = ("--noEmit", "--strict", "--module", "nodenext", "--target", "es2022")
    node(SDK / "node_modules" / ".bin" / "tsc", *strict, "app.mts", folder=tmp_path)


def test_the_committed_build_of_the_sdk_is_current(tmp_path: Path) -> None:
    install(SDK)
    node("node_modules/.bin/tsc", "--outDir", tmp_path, folder=SDK)
    assert _texts(SDK / "dist") == _texts(tmp_path)


def _texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_the_sdk_is_small_and_needs_no_other_package() -> None:
    lines = [line.strip() for text in _texts(SDK / "src").values() for line in text.splitlines()]
    code = [line for line in lines if line and not line.startswith(("//", "/*", "*"))]
    assert len(code) < MOST_LINES
    assert '"dependencies"' not in (SDK / "package.json").read_text()
