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

fits() { "$1" -c "$right_version" 2>/dev/null; }
has_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

without_venv=
for candidate in ${PYTHON:-python3.13 python3.14 python3.12 python3.11 python3 python}; do
    fits "$candidate" || continue
    has_venv "$candidate" && exec "$candidate" -I tools/bootstrap.py "$@"
    without_venv=$candidate
done

if [ -n "$without_venv" ]; then
    echo "$without_venv has no venv module: install it (on Debian and Ubuntu the package python3-venv)." >&2
elif [ -n "${PYTHON:-}" ]; then
    echo "PYTHON=$PYTHON is not a Python 3.11 to 3.14 that runs here." >&2
else
    echo "Python 3.11 to 3.14 is needed and not on the PATH: install it, or name it with PYTHON=." >&2
fi
exit 1
