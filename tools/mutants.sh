#!/bin/sh
# Breaks the last commit at one place after the other (cosmic-ray), in a checkout of its own, runs
# the tests that name the broken module, and lists the mutants that no test notices.
#
#     VENV=.venv tools/mutants.sh 100 [larder/orders/services ...]
#
# Exit status 1 if more than a tenth of this random sample went unnoticed.
set -eu

if [ "${1:-}" = test ]; then
    module=$(git diff --name-only -- larder)
    package=$(echo "$module" | cut -d/ -f2)
    folders="tests/$package tests/orders tests/system/race tests/v1"
    # shellcheck disable=SC2086 # several words
    files=$(grep -rlw --include='test_*.py' -e "$(basename "$module" .py)" $folders | sort -u) || true
    # shellcheck disable=SC2086
    exec "$PYTHON" -m pytest -n 0 -x -q -p no:randomly ${files:-$folders}
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
ray cosmic-ray exec mutants.toml mutants.sqlite
ray cr-report --surviving-only --show-diff mutants.sqlite
ray cr-rate --fail-over 10 mutants.sqlite
