"""`manage.py import_products`: the same import, for files of any length."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from larder.catalog.models import Product
from larder.catalog.product_rows import AN_ENCODING
from larder.core.ids import SYSTEM_ACTOR
from larder.inventory.models import LedgerEntry
from larder.ops.management.commands.import_products import HINT

pytestmark = pytest.mark.django_db


def run(folder: Path, text: str | bytes) -> str:
    file, output = folder / "products.csv", StringIO()
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    call_command("import_products", str(file), stdout=output)
    return output.getvalue()


def test_the_import_prints_its_results(tmp_path: Path) -> None:
    assert run(tmp_path, "sku,name,price,quantity\nA,Tea,1,5\nB,Jam,2,0\n").startswith(
        "2 new, 0 changed, 0 unchanged ("
    )
    assert run(tmp_path, "sku,name,price\nA,Tea,1\nB,Jam,3\n").startswith(
        "0 new, 1 changed, 1 unchanged ("
    )
    entry = LedgerEntry.objects.get()
    assert (entry.cause, entry.available_change, entry.actor) == ("opening", 5, SYSTEM_ACTOR)


def test_a_faulty_file_is_refused_with_each_line_and_not_stored(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as refused:
        run(tmp_path, b"\xef\xbb\xbfsku,name,price\nA,Tea,1\nB,Caf\xe9,x\n")
    assert str(refused.value).splitlines() == [
        "Nothing was imported: 2 fault(s).",
        f"line 3: name: {AN_ENCODING}",
        "line 3: price: Expected an amount with at most three decimals, such as 2.55; found “x”.",
        HINT,
    ]
    assert not Product.objects.exists()


def test_the_number_of_named_faults_is_bounded(tmp_path: Path) -> None:
    rows = "".join(f"S{n},N,x\n" for n in range(3_000))
    with pytest.raises(CommandError, match="1000 fault"):
        run(tmp_path, f"sku,name,price\n{rows}")


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Nothing was imported"):
        call_command("import_products", str(tmp_path / "none.csv"))
