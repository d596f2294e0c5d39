#!/bin/sh
# The Dockerfile by hadolint, the scripts by a shell.
set -eu
"$(dirname "$PYTHON")/hadolint" Dockerfile
for script in deploy/docker/*.sh tools/image/*.sh; do
    sh -n "$script"
done
