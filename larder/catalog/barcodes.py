"""The forms of a barcode that scanners, files and people give for the same one."""


def spellings(code: str) -> list[str]:
    """Returns the code without spaces at its ends, and the same in the other of two forms: a zero
    before a UPC-A of twelve digits makes it an EAN-13, and some scanners leave it out.

    Source: GS1 General Specifications, section 3.3.2 (GTIN-12 in thirteen digits).

    >>> spellings(" 012345678905"), spellings("0012345678905"), spellings("A-1")
    (['012345678905', '0012345678905'], ['0012345678905', '012345678905'], ['A-1'])
    """
    code = code.strip()
    if not (code.isascii() and code.isdecimal()):
        return [code]
    if len(code) == 12:
        return [code, f"0{code}"]
    return [code, code[1:]] if len(code) == 13 and code[0] == "0" else [code]
