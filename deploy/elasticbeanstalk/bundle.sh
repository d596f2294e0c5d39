#!/bin/sh
# Makes a source bundle of what is committed: sh deploy/elasticbeanstalk/bundle.sh larder.zip [COMMIT]
# The platform's Procfile and folders take the place of those in the root.
set -eu
case $1 in /*) file=$1 ;; *) file=$PWD/$1 ;; esac
commit=${2:-HEAD}
python=$(command -v "${PYTHON:-python3}")
case $python in /*) ;; *) python=$PWD/$python ;; esac
cd "$(dirname "$0")/../.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git archive "$commit" | tar -x -C "$copy"
for needless in tests benchmarks deploy app.json .ci .github; do
    rm -rf "${copy:?}/$needless"
done
git archive "$commit:deploy/elasticbeanstalk/bundle" | tar -x -C "$copy"
mkdir "$copy/.platform/nginx/larder"
git archive "$commit:deploy/nginx/larder" | tar -x -C "$copy/.platform/nginx/larder"
# The platform's nginx has no Lua module.
rm "$copy"/.platform/nginx/larder/deadline.*
rm -f "$file"
cd "$copy"
"$python" -m zipfile -c "$file" .ebextensions .platform Procfile requirements.txt \
    manage.py pyproject.toml config demo docs larder requirements
