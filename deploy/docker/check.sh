#!/bin/sh
# Every Dockerfile by hadolint, the scripts by a shell.
set -eu
"$(dirname "$PYTHON")/hadolint" Dockerfile deploy/*/Dockerfile
for script in deploy/docker/*.sh tools/image/*.sh; do
    sh -n "$script"
done
echo "Not checked here: the build; make docker/try builds the image, and CI the one with the official base."
