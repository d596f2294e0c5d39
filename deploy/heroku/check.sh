#!/bin/sh
# The Procfile by a program that runs such files, app.json by the members that Heroku documents.
# tests/system/deploy/test_heroku.py starts what they say.
set -eu
honcho="$(dirname "$PYTHON")/honcho"
"$honcho" check
"$PYTHON" -m check_jsonschema --schemafile deploy/heroku/app.schema.json app.json
echo "Not checked here: whether Heroku accepts app.json; its router and its add-ons."
