#!/bin/sh
# Finds a Python of the right version and lets it run tools/bootstrap.py.
#
#     VENV=.venv [PYTHON=python3.12] sh tools/bootstrap.sh requirements/run.txt
#
# An environment that is already there is kept, whatever other Pythons the PATH offers.
venv=${VENV:-.venv}
right_version='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))'
export VENV="$venv"

if [ -z "${PYTHON:-}" ] && "$venv/bin/python" -c "$right_version" 2>/dev/null; then
    exec "$venv/bin/python" -I tools/bootstrap.py "$@"
fi

# Builds differ: one without optimisation takes a third more for an order, and nothing but time
# tells. So each Python of the PATH runs a loop of some 50 ms, three times.
measure='
import sys, time
def loop():
    began, total = time.process_time(), 0
    for number in range(600_000):
        total += number * number % 7
    return time.process_time() - began
print(round(min(loop() for _ in range(3)) * 1e6), sys.version.split()[0], sys.executable)'

fits() { "$1" -c "$right_version" 2>/dev/null; }
has_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

without_venv='' fastest='' least=''
if [ -n "${PYTHON:-}" ]; then
    fits "$PYTHON" && has_venv "$PYTHON" && exec "$PYTHON" -I tools/bootstrap.py "$@"
    fits "$PYTHON" && without_venv=$PYTHON
else
    folders=$PATH:
    while [ -n "$folders" ]; do
        for name in python3.13 python3.12 python3.11 python3 python; do
            candidate=${folders%%:*}/$name
            [ -x "$candidate" ] && fits "$candidate" || continue
            without_venv=$name
            has_venv "$candidate" && measured=$("$candidate" -I -c "$measure") || continue
            if [ -z "$least" ] || [ "${measured%% *}" -lt "$least" ]; then
                least=${measured%% *} fastest=${measured#* }
            fi
        done
        folders=${folders#*:}
    done
fi
if [ -n "$fastest" ]; then
    echo "Python $fastest: the fastest one of the PATH (PYTHON= names another)"
    exec "${fastest#* }" -I tools/bootstrap.py "$@"
fi

if [ -n "$without_venv" ]; then
    echo "$without_venv has no venv module: install it (on Debian and Ubuntu the package python3-venv)." >&2
elif [ -n "${PYTHON:-}" ]; then
    echo "PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13 that runs here." >&2
else
    echo "Python 3.11, 3.12 or 3.13 is needed and not on the PATH: install it, or name it with PYTHON=." >&2
fi
exit 1
