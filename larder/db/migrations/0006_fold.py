from django.db import migrations

# Texts that people take for the same are equal when folded: in another case, with and without
# accents, in another Unicode form, with a straight or a curved apostrophe, with Arabic or Persian
# letters, with more spaces. A folded text is one line. The collation is named, because that
# of a column must not change the result. What a text does not need is left out: `translate` and
# `normalize` take ten times as long as `lower`.
# Sources: Unicode Standard Annex 15 (forms), Unicode Technical Standard 30 (folding of diacritics).
MARKS = (
    r"\u00ad\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    r"\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u1ab0-\u1aff"
    r"\u1dc0-\u1dff\u200b-\u200f\u2060\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\ufeff"
)
LETTERS = {
    "\N{LEFT SINGLE QUOTATION MARK}": "''",
    "\N{RIGHT SINGLE QUOTATION MARK}": "''",
    "\N{SINGLE HIGH-REVERSED-9 QUOTATION MARK}": "''",
    "\N{MODIFIER LETTER APOSTROPHE}": "''",
    "\N{MODIFIER LETTER PRIME}": "''",
    "\N{PRIME}": "''",
    "ς": "σ",
    "ı": "i",
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "ħ": "h",
    "ŧ": "t",
    # Letters without a capital of their own, which `lower` leaves (Unicode's CaseFolding.txt).
    **dict(zip(map(chr, range(0x1C80, 0x1C89)), "вдосттъѣꙋ", strict=True)),
    "\N{ARABIC LETTER FARSI YEH}": "\N{ARABIC LETTER YEH}",
    "\N{ARABIC LETTER ALEF MAKSURA}": "\N{ARABIC LETTER YEH}",
    "\N{ARABIC LETTER KEHEH}": "\N{ARABIC LETTER KAF}",
}
FOLD = f"""
CREATE FUNCTION common.fold(text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    plain text := $1;
BEGIN
    IF octet_length(plain) > length(plain) THEN
        plain := regexp_replace(
            normalize(replace(plain, '´', ''''), NFKD), '[{MARKS}]', '', 'g'
        );
        plain := replace(lower(plain COLLATE "default"), 'ß', 'ss');
        IF octet_length(plain) > length(plain) THEN
            plain := replace(replace(plain, 'æ', 'ae'), 'œ', 'oe');
            IF plain ~ '[{"".join(LETTERS)}]' THEN
                plain := translate(plain, '{"".join(LETTERS)}', '{"".join(LETTERS.values())}');
            END IF;
            plain := normalize(plain, NFKC);
        END IF;
    ELSE
        plain := lower(plain COLLATE "default");
    END IF;
    IF plain ~ '[[:cntrl:]`]' THEN
        plain := translate(plain, E'`\\t\\n\\r\\f\\v', '''     ');
    END IF;
    IF strpos(plain, '  ') > 0 THEN
        plain := regexp_replace(plain, ' +', ' ', 'g');
    END IF;
    RETURN btrim(plain);
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("common", "0005_kept_file")]

    operations = [migrations.RunSQL(FOLD, "DROP FUNCTION common.fold(text)")]
