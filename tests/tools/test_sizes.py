"""`make sizes`: the counted lines and their budgets."""

from pathlib import Path

from tools.sizes import PAGE, table, with_sizes


def test_lines_without_migrations_are_printed_with_their_budget(tmp_path: Path) -> None:
    for name in ("catalog/__init__.py", "catalog/models.py", "catalog/migrations/0001_initial.py"):
        file = tmp_path / "larder" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("# one line\n" * 650)
    _, total, catalog = table(tmp_path)
    assert total.split() == ["larder", "1,300", "24,000", "5%"]
    assert catalog.split() == ["larder/catalog", "1,300", "1,300", "100%"]


def test_sizes_of_the_page_that_are_out_of_date_are_replaced() -> None:
    page = PAGE.read_text()
    stale = page.replace("`limits.py`, ", "`limits.py`, 9")
    assert with_sizes(stale) == with_sizes(page) != stale
