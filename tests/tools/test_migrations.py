"""The linter of migrations refuses what locks tables or breaks the version that serves."""

import pytest

from tools.migrations import PASSED, faults, since_the_release, sql_of

pytestmark = pytest.mark.system


def rules(sql: str, *passed: str) -> set[str]:
    return {fault.partition(":")[0] for fault in faults(sql, passed)}


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ('CREATE INDEX "a" ON "product" ("name");', "require-concurrent-index-creation"),
        (
            'BEGIN; CREATE INDEX CONCURRENTLY "a" ON "product" ("name"); COMMIT;',
            "ban-concurrent-index-creation-in-transaction",
        ),
        (
            'ALTER TABLE "order" ADD CONSTRAINT "a" CHECK ("total" >= 0);',
            "constraint-missing-not-valid",
        ),
        ('ALTER TABLE "product" ALTER COLUMN "name" SET NOT NULL;', "adding-not-nullable-field"),
        ('ALTER TABLE "product" ALTER COLUMN "id" TYPE bigint;', "changing-column-type"),
        ('ALTER TABLE "product" ADD COLUMN "a" integer NOT NULL;', "adding-required-field"),
        ('ALTER TABLE "product" DROP COLUMN "name";', "ban-drop-column"),
        ('ALTER TABLE "product" RENAME COLUMN "name" TO "title";', "renaming-column"),
        ('ALTER TABLE "product" RENAME TO "article";', "renaming-table"),
        ('DROP TABLE "product";', "ban-drop-table"),
    ],
)
def test_a_statement_that_locks_or_breaks_is_refused(sql: str, rule: str) -> None:
    assert rule in rules(sql)
    assert rule not in rules(sql, rule)


def test_a_column_with_a_default_and_the_index_of_a_new_table_are_not() -> None:
    assert rules('ALTER TABLE "product" ADD COLUMN "a" integer DEFAULT 0 NOT NULL;') == set()
    new = 'CREATE TABLE "note" ("id" bigint PRIMARY KEY); CREATE INDEX "a" ON "note" ("id");'
    assert rules(f"BEGIN; {new} COMMIT;") == set()


def test_no_migration_since_the_release_does_so_and_each_exception_is_needed(
    transactional_db: None,
) -> None:
    found = {key: sql_of(migration) for key, migration in since_the_release()}
    assert {("orders", "0010_holds"), ("identity", "0013_roles")} <= found.keys()
    refused = {key: {one.partition(":")[0] for one in faults(sql)} for key, sql in found.items()}
    assert {key: rules for key, rules in refused.items() if rules} == {
        key: set(rules) for key, rules in PASSED.items()
    }
