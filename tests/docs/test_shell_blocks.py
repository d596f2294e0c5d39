"""Each shell block of a page is run by a test, or is counted in NOT_RUN with what it needs.

A block that was added fails here until it is one of these:

- its commands are targets of make that CI runs, or that a test of MAKE runs;
- a test of PLAYED takes it from the page and runs it;
- its page says in NOT_RUN how many of its blocks no test runs, and why.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

import pytest

from tests.database import ROOT
from tools.docs import pages
from tools.docs.pages import Block

LANGUAGES = {"diff", "http", "ini", "js", "json", "mermaid", "python", "sh", "sql", "text"}
"""The languages of blocks: one of shell has no other name than `sh`."""
PATTERNS = ("*.md", "docs/**/*.md", "clients/*/*.md", "demo/*/*.md", "deploy/*/*.md")

MAKE = {
    "attack": "tests/tools/test_attack.py",
    "backup": "tests/tools/test_make_backup.py",
    "backup/prove": "tests/tools/test_make_backup.py",
    "checkouts": "tests/tools/test_checkouts.py",
    "cluster": "tests/tools/test_cluster.py",
    "drill": "tests/system/drill/test_drill.py",
    "phones": "tests/system/clients/test_phones.py",
    "release-drill": "tests/system/drill/test_release_drill.py",
    "restore": "tests/tools/test_make_backup.py",
    "restore/accounts": "tests/tools/test_make_backup.py",
    "run": "tests/tools/test_run.py",
    # With a program in place of the container engine, which records its arguments.
    "docker/build": "tests/system/deploy/test_docker.py",
    "run-docker": "tests/system/deploy/test_docker.py",
}
"""Targets that .ci/run does not name, and the test that runs each or its program."""

COMMANDS = "tests/system/docs/test_commands.py"
LESSONS = "tests/system/docs/test_lessons.py"
BEANSTALK = "tests/system/deploy/test_elasticbeanstalk.py"
PLAYED = (
    ("README.md", "TOKEN=$(curl ", "tests/ops/test_readme.py"),
    ("CONTRIBUTING.md", "SCHEDULE=", COMMANDS),
    ("CONTRIBUTING.md", "mkdir docs/openapi/released/", COMMANDS),
    ("clients/typescript/README.md", "LARDER_URL=", "tests/system/clients/test_sdk.py"),
    ("docs/how-to/deploy/elastic-beanstalk.md", "export DATABASE_URL=", BEANSTALK),
    ("docs/how-to/deploy/patroni.md", "sh deploy/patroni/secrets.sh patroni-secrets", COMMANDS),
    ("docs/how-to/deploy/terraform.md", "secret() {", "tests/docs/test_cluster_pages.py"),
    ("docs/how-to/deploy/watching.md", "amtool ", "tests/system/deploy/test_watching.py"),
    ("docs/how-to/erp.md", "", LESSONS),
    ("docs/how-to/runbooks/alerts.md", "python manage.py shell ", "tests/docs/test_runbooks.py"),
    ("docs/how-to/runbooks/postgresql-upgrade.md", "make backup ", "tests/docs/test_runbooks.py"),
    ("docs/how-to/second-factor.md", "", COMMANDS),
    ("docs/how-to/take-a-payment.md", "", LESSONS),
    ("docs/reference/api/index.md", "npx ", "tests/system/clients/test_generators.py"),
    ("docs/reference/api/index.md", "openapi-", "tests/system/clients/test_mobile_models.py"),
    ("docs/tutorial/first-order.md", "", LESSONS),
    ("docs/tutorial/phone-app.md", "", LESSONS),
)
"""A page, how its blocks begin, and the test that reads the page and runs them."""

AWS = "an account of AWS"
CLUSTER = "a cluster of Kubernetes"
ENGINE = "a container engine; tests/system/stack does the same with processes"
NOT_RUN = {
    "clients/typescript/README.md": (1, "an app; the tests link the SDK into one"),
    "demo/online_retail/README.md": (1, "the data set, of which the demo has the result"),
    "deploy/aws/README.md": (6, AWS),
    "docs/how-to/deploy/ec2.md": (11, AWS),
    "docs/how-to/deploy/ecs-ec2.md": (8, AWS),
    "docs/how-to/deploy/eks.md": (7, f"{AWS}, {CLUSTER}"),
    "docs/how-to/deploy/elastic-beanstalk.md": (15, AWS),
    "docs/how-to/deploy/heroku.md": (
        4,
        "an account of Heroku; tests/system/deploy/test_heroku.py has the steps after the push",
    ),
    "docs/how-to/deploy/kubernetes.md": (6, CLUSTER),
    "docs/how-to/deploy/patroni.md": (
        20,
        "six machines with systemd, or a container engine; make cluster runs the programs",
    ),
    "docs/how-to/deploy/terraform.md": (7, AWS),
    "docs/how-to/deploy/watching.md": (9, f"{AWS} or of Heroku, root on a machine"),
    "docs/how-to/deployment.md": (9, ENGINE),
    "docs/how-to/release.md": (
        2,
        f"{ENGINE}; a main nginx, which tests/system/deploy/test_front_draining.py drains",
    ),
    "docs/how-to/runbooks/alerts.md": (1, "a node of Patroni; make cluster runs the programs"),
    "docs/how-to/runbooks/aws.md": (35, AWS),
    "docs/how-to/runbooks/postgresql-upgrade.md": (13, f"{ENGINE}; nodes of Patroni"),
}
"""How many blocks of a page no test runs, and what they need that no test has."""


ASKING = [
    "/opt/larder/.venv/bin/python manage.py createsuperuser",
    "python manage.py changepassword ada",
    "kubectl -n larder exec -it deployment/server -- python manage.py createsuperuser",
    "psql larder",
    "runuser -u postgres -- psql",
    "ssh db1",
    "ssh -t db1 bash",
    'aws ssm start-session --target "$MACHINE"',
    "heroku run bash",
    "heroku run python manage.py prepare",
    "docker compose exec web bash",
    "docker run -it larder:dev sh",
    "docker run --publish 8000:8000 larder:local",
    "docker compose exec -T primary sh backup.sh make >larder.dump",
    "docker compose run --rm migrate",
    "apt-get update && apt-get install -y haproxy",
    "systemd-run --pty id",
    "${EDITOR:-vi} server.env",
    "nano server.env",
    "make logs",
    "make psql",
    "make shell",
    "sudo -i",
    "deploy/aws/run secret email_url",
]
"""Commands that read what is typed, or go on until Ctrl-C."""
ASKS = re.compile(
    r"""^(?!\#)(?!.*<)(?:
        .*\b(?:createsuperuser|changepassword)\b(?!.*--noinput)
        | .*\bpsql\b(?!.*(?:-c|--command|-f|--file)\b)
        | .*(?<!\S)ssh\ (?!-n\b)
        | .*\b(?:ssm\ start-session|ecs\ execute-command|heroku\ run)\b
        | .*\bexec\b.*\ (?:ba)?sh$
        | .*\ (?:-it|-ti|--pty)\b
        # The engine and apt read the terminal, whatever they run.
        | .*\bcompose\b.*\ (?:exec|run)\b
        | .*\bdocker\ run\b(?!.*\ --(?:detach|rm)\b)
        | .*\bapt-get\ install\b
        | .*(?:\$\{?EDITOR\b|^(?:nano|vim?)\ )
        | make\ (?:logs|psql|shell)\b
        | sudo\ -i\b | deploy/aws/run\ secret\b
    )""",
    re.VERBOSE | re.MULTILINE,
)


def whole(block: Block) -> str:
    """The text of a block, each command in one line, without its comments."""
    text = re.sub(r" *\\\n *", " ", block.text)
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def found() -> Iterator[tuple[str, Block]]:
    """Each block of the pages, with its page."""
    for path in sorted({path for pattern in PATTERNS for path in ROOT.glob(pattern)}):
        if "_build" not in path.parts:
            for block in pages.blocks(path.read_text()):
                yield path.relative_to(ROOT).as_posix(), block


SHELL = [(page, block) for page, block in found() if block.language == "sh"]


def commands(block: Block) -> list[str]:
    """The lines of a block without their comments."""
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in block.text.splitlines())
    return [line for line in lines if line]


def program(command: str) -> str:
    """The program that a line starts; empty if it starts none."""
    word = re.match(r"[a-z][\w-]*(?= )", command)
    return word[0] if word and word[0] not in {"do", "done", "for", "if", "then"} else ""


def target(command: str) -> str:
    """The target of make that a command runs; empty if it runs something else."""
    made = re.match(r"(?:[A-Z_]+=\S+ )?make ([a-z][\w/-]*)", command)
    return made[1] if made else ""


def targets_of_ci() -> set[str]:
    """The targets that .ci/run runs."""
    text = (ROOT / ".ci/run").read_text()
    return set(re.findall(r"^(?! *#).*\bmake ([a-z][\w/-]*)", text, re.MULTILINE))


def is_played(page: str, block: Block) -> bool:
    """Whether a test takes the block from the page."""
    return any(page == one and block.text.startswith(start) for one, start, _ in PLAYED)


def test_each_shell_block_is_run_by_a_test_or_is_counted_with_its_reason() -> None:
    run, left = targets_of_ci() | MAKE.keys(), defaultdict[str, list[int]](list)
    for page, block in SHELL:
        if not is_played(page, block) and not all(target(one) in run for one in commands(block)):
            left[page].append(block.line)
    wrong = {
        page: left[page] for page in left.keys() | NOT_RUN.keys() if not is_counted(page, left)
    }
    assert wrong == {}, "run these blocks by a test, or correct their number in NOT_RUN"


def is_counted(page: str, left: Mapping[str, list[int]]) -> bool:
    """Whether NOT_RUN has as many blocks of a page as no test runs."""
    number, _ = NOT_RUN.get(page, (0, ""))
    return number == len(left.get(page, ()))


def test_commands_are_in_blocks_of_shell() -> None:
    """Otherwise nothing counts them."""
    known = {program(one) for _, block in SHELL for one in commands(block)} - {""}
    text = [(page, block) for page, block in found() if block.language == "text"]
    assert [
        (page, block.line, one)
        for page, block in text
        for one in commands(block)
        if program(one) in known
    ] == []


def test_each_block_has_a_language_that_is_known() -> None:
    assert [(page, one.line) for page, one in found() if one.language not in LANGUAGES] == []


@pytest.mark.parametrize(("page", "start", "test"), PLAYED)
def test_a_test_that_plays_blocks_names_their_page(page: str, start: str, test: str) -> None:
    assert page.rpartition("/")[2] in (ROOT / test).read_text()
    assert [one for other, one in SHELL if other == page and one.text.startswith(start)]


@pytest.mark.parametrize(("name", "test"), MAKE.items())
def test_a_test_of_a_target_names_it_or_its_program(name: str, test: str) -> None:
    text = (ROOT / test).read_text()
    assert re.search(rf'"{name}"|\btools\.{name.replace("-", "_")}\b', text)
    assert name not in targets_of_ci()


def test_each_long_drill_is_run_by_a_workflow() -> None:
    """Those whose help names what makes them longer or shorter."""
    makefile = (ROOT / "Makefile").read_text()
    long = re.findall(r'^([\w-]+):.*## .*_ARGS="--(?:full|short)"', makefile, re.MULTILINE)
    run = [
        made
        for path in (ROOT / ".github/workflows").glob("*.yml")
        for made in re.findall(r"\bmake ([\w-]+)", path.read_text())
    ]
    assert "cluster" in long
    assert set(long) <= set(run)


def test_a_comment_in_a_block_does_no_harm_where_the_shell_runs_it() -> None:
    """zsh, the shell of macOS, has no comments in what is typed: `sleep 30 # …` does not wait, and
    an apostrophe takes the lines that follow. A line of words it cannot find, and goes on."""
    typed = r"(?m)^(?! *# [\w ,.:/=-]+$).*(?:^|[ \t])#(?:\s|$).*"
    assert [
        (page, block.line, one) for page, block in SHELL for one in re.findall(typed, block.text)
    ] == []


def test_an_exclamation_mark_is_quoted_from_the_history() -> None:
    """An interactive shell looks for an earlier command that begins so, in double quotes too."""
    unquoted = re.compile(r"'[^']*'|\\.|\"(?:\\.|[^\"\\])*\"|(!(?=[^\s=(]))")
    inner = re.compile(r"(?<!\\)!(?=[^\s=(\"])")
    assert [
        (page, block.line, one[0])
        for page, block in SHELL
        for one in unquoted.finditer(re.sub(r"(?m)^ *#.*$", "", block.text))
        if one[1] or (one[0][0] == '"' and inner.search(one[0]))
    ] == []


@pytest.mark.parametrize("command", ASKING)
def test_a_command_that_asks_is_found(command: str) -> None:
    assert ASKS.search(command)


@pytest.mark.parametrize(
    "command",
    [
        "aws ssm start-session --target i-0 </dev/null",
        "createsuperuser --noinput --username admin",
        "runuser -u postgres -- psql --command='SELECT 1'",
        'ssh -n "root@$machine" mkdir patroni',
        "apt-get install -y haproxy </dev/null",
        "docker compose exec -T primary sh backup.sh make </dev/null >larder.dump",
        "docker run --detach --publish 8000:8000 larder:local",
        """docker compose exec -T primary sh -c 'psql --username=postgres' <<END""",
    ],
)
def test_a_command_with_its_input_asks_nothing(command: str) -> None:
    assert not ASKS.search(command)


def test_no_command_follows_one_that_asks() -> None:
    """What is pasted after it would be its input."""
    assert [
        (page, block.line, one)
        for page, block in SHELL
        for one in whole(block).splitlines()[:-1]
        if ASKS.search(one)
    ] == []


def test_a_block_ends_where_its_reader_has_to_edit_a_file() -> None:
    """What is pasted goes on before it is done."""
    asked = re.compile(r"(?m)^# (?:and |then )+(?:change|edit|fill|name|put|set)\b.*\n.+")
    assert [(page, one) for page, block in SHELL for one in asked.findall(block.text)] == []


def test_a_block_ends_where_its_reader_has_to_take_over_what_was_printed() -> None:
    """The value in the page is another one."""
    printed = re.compile(r"(?m)^ *# It prints .*\n *[A-Z]+=[^$\n]*$")
    assert [(page, one) for page, block in SHELL for one in printed.findall(block.text)] == []


def test_a_file_of_a_clone_is_edited_by_a_command_that_every_system_has() -> None:
    """The sed of macOS takes what follows `-i` for the end of a file's name."""
    edited = r"(?m)^.*\bsed -i .* deploy/\S+$"
    assert [(page, one) for page, block in SHELL for one in re.findall(edited, block.text)] == []


def test_a_list_in_a_variable_is_split_by_every_shell() -> None:
    """zsh splits no variable into words: `--subnets $PUBLIC` would be one subnet."""
    split = r"(?m)^.*(?:--[\w-]+|\bin) \$\w+.*"
    assert [(page, one) for page, block in SHELL for one in re.findall(split, block.text)] == []


def test_files_that_come_after_a_secret_can_be_read() -> None:
    """A commit checked out in the same shell, which a container mounts or an image contains."""
    masked = [(page, one) for page, one in SHELL if "umask 077\n" in one.text]
    assert masked
    assert [
        (page, one.line)
        for page, one in masked
        if "umask 022\n" not in one.text.partition("umask 077\n")[2]
    ] == []


def test_the_tests_that_the_pages_name_exist() -> None:
    missing = [
        (page, path)
        for page, block in SHELL
        for path in re.findall(r"tests/[\w./]+", block.text)
        if page[:5] == "docs/"
        and not (ROOT / path).exists()
        and f"--- {path}\n" not in (ROOT / page).read_text()
    ]
    assert missing == []
