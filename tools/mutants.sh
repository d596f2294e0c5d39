#!/bin/sh
# Breaks the last commit at one place after the other (cosmic-ray), in a checkout of its own, runs
# the tests, and lists the mutants that none notices.
#
#     VENV=.venv tools/mutants.sh 100 [larder/orders/services ...]
#
# Exit status 1 if more than a tenth of this random sample went unnoticed.
set -eu

# The tests of the package that import the module come first: they find most mutants in seconds.
if [ "${1:-}" = test ]; then
    module=$(git diff --name-only -- larder | sed 's,/,.,g; s,\.py$,,')
    package=$(echo "$module" | cut -d. -f2)
    imports="${module}\b|from ${module%.*} import .*\b${module##*.}\b"
    tests() { "$PYTHON" -m pytest -n 0 -x -q -p no:randomly "$@"; }
    named() { grep -rlE --include='test_*.py' -e "$imports" "$@" | sort || true; }
    first=$(named "tests/$package")
    # shellcheck disable=SC2046,SC2086 # several words
    { [ -z "$first" ] || tests $first; } &&
        tests "tests/$package" tests/orders $(named tests/v1 tests/system/race)
    exit
fi

number=${1:-100}
[ $# = 0 ] || shift
[ $# -gt 0 ] || set -- larder/orders larder/inventory larder/identity
PYTHON=$(cd "$VENV/bin" && pwd)/python
export PYTHON
ray() { "$PYTHON" -m uv tool run --quiet --from cosmic-ray==8.7.0 "$@"; }
folder=$(mktemp -d)
git worktree add --quiet --detach "$folder/checkout" HEAD
trap 'git worktree remove --force "$folder/checkout"; rm -r "$folder"' EXIT
cd "$folder/checkout"

cat >mutants.toml <<END
[cosmic-ray]
module-path = [$(printf '"%s", ' "$@")]
timeout = 1800
excluded-modules = ["**/migrations/**", "**/__init__.py"]
test-command = "sh tools/mutants.sh test"
[cosmic-ray.distributor]
name = "local"
END
ray cosmic-ray init mutants.toml mutants.sqlite
# Left out are operators whose mutants say little: `|` is in types, numbers are in tables.
"$PYTHON" - mutants.sqlite "$number" <<'END'
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as store:
    jobs = "SELECT job_id FROM mutation_specs WHERE operator_name NOT GLOB '*BitOr*'" \
        " AND operator_name NOT GLOB '*NumberReplacer' AND operator_name NOT GLOB '*Operator_USub*'"
    store.execute(f"CREATE TEMP TABLE sample AS {jobs} ORDER BY random() LIMIT {int(sys.argv[2])}")
    for table in ("mutation_specs", "work_items"):
        store.execute(f"DELETE FROM {table} WHERE job_id NOT IN (SELECT job_id FROM sample)")
END
# One PostgreSQL for all: each run of the tests copies its prepared database.
"$PYTHON" - "$PYTHON" -m uv tool run --quiet --from cosmic-ray==8.7.0 \
    cosmic-ray exec mutants.toml mutants.sqlite <<'END'
import subprocess, sys
from tests import database
database.start()
try:
    subprocess.run(sys.argv[1:], check=True)
finally:
    database.stop()
END
ray cr-report --surviving-only --show-diff mutants.sqlite
ray cr-rate --fail-over 10 mutants.sqlite
