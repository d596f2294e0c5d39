"""What the pages name in a sentence, a table or a block exists: commands of Django and of tools
with their options, services of the containers, files.
"""

import re
from collections.abc import Iterator
from functools import cache

import pytest
import yaml
from django.core.management import get_commands, load_command_class

from tests.database import ROOT
from tools.docs import pages

CODE = re.compile(r"(?s)(`+)(?!`)(.*?)(?<!`)\1(?!`)")
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in (
        *(one for one in pages.pages() if "adr" not in one.parts),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "deploy/aws/README.md")),
    )
}
"""All pages but the decisions, which name what there was."""
FOLDERS = "benchmarks|clients|config|demo|deploy|docs|larder|tests|tools"
PLACES = ("", "deploy/nginx/")
"""What the paths of the pages begin at: the root, and the folder of nginx for its own files."""
MADE = {
    *("benchmarks/peers/.cache", "benchmarks/results", "deploy/compose/.env"),
    *("deploy/terraform/plan.out", "deploy/terraform/terraform.tfvars"),
    "deploy/terraform/restore_override.tf",
    "docs/openapi/released/0.2.0",
}
"""Files that commands or operators make, and git ignores."""
VALUED = r"--(?:entrypoint|env|tail|user|volume)"
"""Options of compose that have a separate value."""
SECRETS = "larder/(?:ec2|production|recovery|watching)"
"""What the names of secrets in AWS begin with."""


def named(page: str) -> Iterator[str]:
    """The code in the sentences and tables of a page, and the lines of its blocks of shell."""
    for match in CODE.finditer(pages.prose(PAGES[page])):
        yield " ".join(match[2].split())
    for block in pages.blocks(PAGES[page]):
        if block.language == "sh":
            yield from re.sub(r" *\\\n *", " ", block.text).splitlines()


@cache
def options_of_django(name: str) -> set[str]:
    """The options of a command of Django; none where there is no such command."""
    if name not in get_commands():
        return set()
    command = load_command_class(get_commands()[name], name)
    return set(re.findall(r"--[a-z][\w-]*", command.create_parser("manage.py", name).format_help()))


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_django_exist_with_their_options(page: str) -> None:
    for text in named(page):
        for name, rest in re.findall(r"\bmanage\.py ([a-z_]+)([^|&;#]*)", text):
            assert options_of_django(name), text
            if name != "procrastinate":
                assert set(re.findall(r" (--[a-z][\w-]*)", rest)) <= options_of_django(name), text


@cache
def texts_of_tools(variable: str) -> str:
    """The code of the tools whose targets of make take this variable."""
    makefile = (ROOT / "Makefile").read_text()
    modules = re.findall(rf"-m ((?:tools|benchmarks)[.\w]*).*\$\({variable}\)", makefile)
    found = []
    for path in (ROOT / one.replace(".", "/") for one in modules):
        files = sorted(path.glob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
        found += [one.read_text() for one in files]
    return "".join(found)


@pytest.mark.parametrize("page", [*PAGES, "Makefile"])
def test_tools_have_the_options_that_are_named(page: str) -> None:
    text = PAGES.get(page) or (ROOT / page).read_text()
    for variable, given in re.findall(r'\b([A-Z_]+_ARGS)="([^"]*)"', text):
        code = texts_of_tools(variable)
        for option in re.findall(r"--([a-z-]+)", given):
            assert not code or re.search(rf'"(?:--)?{option}"', code), (variable, option)
        files = re.findall(r"(?:^| )(tests/\S*)", given)
        assert [one for one in files if not is_there(one, text)] == [], variable


@cache
def services(file: str) -> set[str]:
    """The services of a file of compose."""
    return set(yaml.safe_load((ROOT / file).read_text())["services"])


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_compose_name_services_of_their_file(page: str) -> None:
    asked = r"docker compose(?: (?:-f|--file) (\S+))? (exec|restart|rm|run|stop)((?: [^\s|&;<>]+)*)"
    for text in named(page):
        for file, verb, rest in re.findall(asked, text):
            words = re.sub(rf" (?:{VALUED}[ =]\S+|-\S+)", "", rest).split()
            given = words[:1] if verb in {"exec", "run"} else words
            assert set(given) <= services(file or "compose.yaml"), text


def is_there(path: str, page: str) -> bool:
    """Whether a file that a page names exists, or is made by a block of the page; and the test
    after `::` in it."""
    name, _, test = path.partition("::")
    found = [ROOT / place / name for place in PLACES if (ROOT / place / name).exists()]
    if not found:
        return f"--- {name}\n" in page
    return not test or f"def {test}(" in found[0].read_text()


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_exist(page: str) -> None:
    asked = rf"(?<![\w/.:-])(?<!make )(?!{SECRETS})(?:{FOLDERS})/[\w./-]*+(?:::\w++)?(?![*{{<…$])"
    given = {one.rstrip("./-") for text in named(page) for one in re.findall(asked, text)} - MADE
    assert [one for one in given if not is_there(one, PAGES[page])] == []
