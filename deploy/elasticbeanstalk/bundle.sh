#!/bin/sh
# Makes a source bundle for the Docker platform of Elastic Beanstalk of what is committed:
#     sh deploy/elasticbeanstalk/bundle.sh larder.zip [COMMIT]
# It has the image's sources, nginx, compose.yaml under the name that the platform reads, and
# larder.config, which sets prod.env's lines as properties of the environment.
set -eu
case $1 in /*) file=$1 ;; *) file=$PWD/$1 ;; esac
cd "$(dirname "$0")/../.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git archive "${2:-HEAD}" Dockerfile .dockerignore compose.yaml manage.py pyproject.toml docs larder \
    requirements clients/typescript/dist deploy/nginx deploy/postgresql deploy/elasticbeanstalk | tar -x -C "$copy"
cd "$copy"
mv compose.yaml docker-compose.yml
mkdir .ebextensions
mv deploy/elasticbeanstalk/larder.config .ebextensions
rm -f "$file"
python3 -m zipfile -c "$file" .ebextensions .dockerignore Dockerfile docker-compose.yml manage.py pyproject.toml \
    docs larder requirements clients deploy
