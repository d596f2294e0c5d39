#!/bin/sh
# Runs the check.sh of every folder here; PYTHON names an interpreter with the development packages.
# 1 when one of them fails.
set -u
# Debian has nginx where only root looks.
export PATH="$PATH:/usr/sbin:/sbin"
cd "$(dirname "$0")/.."
failed=
for check in deploy/*/check.sh; do
    echo "== $check"
    sh "$check" || failed="$failed $check"
done
[ -z "$failed" ] || { echo "Read above what these checks found:$failed" >&2; exit 1; }
