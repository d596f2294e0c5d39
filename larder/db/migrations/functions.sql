-- Folds a text: texts that people take for the same are equal, in another case, with and without
-- accents, in another Unicode form, with a straight or a curved apostrophe, with Arabic or Persian
-- letters, with spaces at the ends. The result is one line. The collation is named, because that of
-- a column must not change it. What a text does not need is left out: `translate` and `normalize`
-- take ten times as long as `lower`. Sources: Unicode Standard Annex 15 (forms), Unicode Technical
-- Standard 30 (folding of diacritics).
CREATE FUNCTION common.fold(text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    plain text := $1;
BEGIN
    IF octet_length(plain) > length(plain) THEN
        plain := regexp_replace(
            normalize(replace(plain, '´', ''''), NFKD), '[\u00ad\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u2060\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\ufeff]', '', 'g'
        );
        plain := replace(lower(plain COLLATE "default"), 'ß', 'ss');
        IF octet_length(plain) > length(plain) THEN
            plain := replace(replace(plain, 'æ', 'ae'), 'œ', 'oe');
            IF plain ~ '[‘’‛ʼʹ′ςıøłđðħŧᲀᲁᲂᲃᲄᲅᲆᲇᲈیىک]' THEN
                plain := translate(plain, '‘’‛ʼʹ′ςıøłđðħŧᲀᲁᲂᲃᲄᲅᲆᲇᲈیىک', '''''''''''''σiolddhtвдосттъѣꙋييك');
            END IF;
            plain := normalize(plain, NFKC);
        END IF;
    ELSE
        plain := lower(plain COLLATE "default");
    END IF;
    IF plain ~ '[[:cntrl:]`]' THEN
        plain := translate(plain, E'`\t\n\r\f\v', '''     ');
    END IF;
    IF strpos(plain, '  ') > 0 THEN
        plain := regexp_replace(plain, ' +', ' ', 'g');
    END IF;
    RETURN btrim(plain);
END $$;

-- Returns every run of three letters of a text: what makes "contains" a question for an index. The
-- cost keeps the planner from calling it row by row where the index can answer.
CREATE FUNCTION catalog.trigrams(text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
    SELECT coalesce(array_agg(DISTINCT substr($1, start, 3)), '{}')
    FROM generate_series(1, length($1) - 2) AS start
$$;
