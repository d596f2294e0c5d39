#!/bin/sh
# Every Dockerfile by hadolint, the scripts by a shell.
set -eu
"$(dirname "$PYTHON")/hadolint" Dockerfile deploy/*/Dockerfile
for script in deploy/docker/*.sh; do
    sh -n "$script"
done
echo "Not checked here: the build; CI builds the image."
