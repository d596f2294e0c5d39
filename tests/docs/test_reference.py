"""The pages of settings and commands match .env.example and the Makefile."""

from tools import reference

EXAMPLE = """# What all have in common.

# --- Mail ---------
# The server, as in docs/how-to/migrating.md: a <host> or `a*b`.
EMAIL_URL=smtp://host
# * Needed (docs/reference/api/orders.md#hold-an-order).
FROM=
"""


def test_the_pages_are_current() -> None:
    stale = [
        name
        for name, text in reference.pages().items()
        if (reference.FOLDER / name).read_text() != text
    ]
    assert stale == [], "make docs/reference"


def test_a_setting_is_a_heading_with_its_comment_and_its_example() -> None:
    page = reference.settings_page(EXAMPLE)
    assert "What all have in common" not in page
    assert "## Mail\n\n### `EMAIL_URL`\n\nThe server, as in [Moving to" in page
    assert "](../how-to/migrating.md): a \\<host> or `a*b`.\n\nExample: `smtp://host`.\n" in page
    needed = "Needed ([Orders](api/orders.md#hold-an-order))."
    assert page.endswith(f"### `FROM`\n\n{needed}\n\nRequired.\n")


def test_a_command_is_a_row_of_its_group() -> None:
    page = reference.commands_page("##@ Data\nshell: venv ## A|B (X=)\n_hidden: ## no\n")
    assert page.endswith("## Data\n\n| | |\n| --- | --- |\n| `make shell` | A&#124;B (X=) |\n")
