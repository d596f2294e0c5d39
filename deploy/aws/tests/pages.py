"""The commands of AWS on the pages: blocks, lines of blocks, and code in sentences."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGES = ("deploy/aws/README.md", "docs/how-to/runbooks/aws.md")
ROADS = tuple(
    f"docs/how-to/deploy/{name}.md"
    for name in ("ec2", "ecs-ec2", "eks", "elastic-beanstalk", "terraform", "watching")
)
SENTENCES = (
    *PAGES,
    *ROADS,
    *(f"docs/how-to/runbooks/{name}.md" for name in ("alerts", "backup-and-restore")),
)
"""Pages whose sentences and tables name commands of the tool and of aws."""
DOWN = ROOT / "deploy/aws/down.sh"


def blocks(page: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Each line of each block, what is within $(…), without leading assignments, and what a loop
    waits for."""
    found = []
    for page in PAGES:
        for whole in re.sub(r" && \\\n *", "\n", "".join(blocks(page))).splitlines():
            line = re.sub(r"^AWS_REGION=\S+ ", "", whole)
            inner = re.findall(r"\$\(([^|)]*)", line)
            waited = re.match(r"(?:while|until) ([^|;]*)", line)
            if waited:
                found.append(waited[1])
            else:
                found += inner if re.match(r"[A-Z]+=\$\(", line) else [line]
    return [one for one in found if not one.startswith(("export ", "#"))]


def asked_of_aws() -> list[list[str]]:
    """The words of every command of the aws tool on the pages of the roads, those within others
    too; without what is quoted."""
    found = []
    texts = [*("".join(indented_blocks(page)) for page in ROADS), DOWN.read_text()]
    texts += [f"{one}\n" for one in in_sentences() if re.match("aws .* --", one)]
    for whole in texts:
        text = whole.replace("\\\n", " ")
        text = re.sub(r"'[^']*'", "QUOTED", text)
        while inner := re.search(r"\$\(([^()]*)\)", text):
            found.append(inner[1])
            text = text.replace(inner[0], "INNER")
        found += text.splitlines()
    found = [one for line in found for one in re.findall(r"\baws [^|;&#]*", line)]
    return [one.replace('"', "").split()[1:] for one in found]


def in_sentences() -> list[str]:
    """What the sentences and tables of the pages name as code."""
    return [
        one
        for page in SENTENCES
        for one in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", (ROOT / page).read_text())
    ]


def indented_blocks(page: str) -> list[str]:
    """Blocks of lists too."""
    return re.findall(r"^ *```sh\n(.*?)^ *```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
