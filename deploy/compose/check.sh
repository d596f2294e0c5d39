#!/bin/sh
# compose.yaml by its schema and, where an engine is, by the engine; the scripts by a shell; every
# configuration file by the program that reads it.
set -eu
"$PYTHON" -m check_jsonschema --builtin-schema vendor.compose-spec deploy/compose/compose.yaml
for script in deploy/compose/*.sh deploy/postgresql/*.sh; do
    sh -n "$script"
done
if ${DOCKER:-docker} compose version >/dev/null 2>&1; then
    ${DOCKER:-docker} compose --file deploy/compose/compose.yaml config --quiet
else
    echo "compose config: not looked at, there is no '${DOCKER:-docker} compose' here"
fi
"$PYTHON" -m tools.stack.check
