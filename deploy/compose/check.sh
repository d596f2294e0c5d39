#!/bin/sh
# Both sets' files by their schema and, where an engine is, by the engine; the scripts by a shell; every
# configuration file by the program that reads it.
set -eu
"$PYTHON" -m check_jsonschema --builtin-schema vendor.compose-spec compose.yaml deploy/compose/compose.yaml
for script in deploy/*.sh deploy/compose/*.sh deploy/postgresql/*.sh; do
    sh -n "$script"
done
if ${DOCKER:-docker} compose version >/dev/null 2>&1; then
    for file in compose.yaml deploy/compose/compose.yaml; do
        ${DOCKER:-docker} compose --file "$file" config --quiet
    done
else
    echo "compose config: not looked at, there is no '${DOCKER:-docker} compose' here"
fi
"$PYTHON" -c 'import sys, yaml; [yaml.safe_load(open(one)) for one in sys.argv[1:]]' deploy/grafana/provisioning/*/*.yml
echo "Not checked here: the programs in their containers."
