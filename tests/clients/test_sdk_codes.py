"""The SDK names the codes of refusals."""

import json
import re

from tests.server import ROOT


def test_the_sdk_names_the_codes_of_the_openapi_document() -> None:
    document = json.loads((ROOT / "docs" / "openapi" / "v1.json").read_text())
    code = document["components"]["schemas"]["Problem"]["properties"]["code"]
    named = (
        (ROOT / "clients" / "typescript" / "src" / "errors.ts")
        .read_text()
        .partition("ProblemCode =")[2]
    )
    assert re.findall(r'"(\w+)"', named.partition(";")[0]) == sorted(code["x-extensible-enum"])
