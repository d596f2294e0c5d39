#!/bin/sh
# Writes the digest that each image's tag has now behind the tag: sh deploy/docker/pins.sh CHECKOUT
# Docker's buildx asks the registries. Either all are known and all files are written, or
# none is. What is new is tried before it is committed: make up.
set -eu
cd "$1"
docker=${DOCKER:-docker}
draft=$(mktemp -d)
trap 'rm -rf "$draft"' EXIT

digest() { # $1 an image by its tag
    found=$($docker buildx imagetools inspect "$1" --format '{{.Manifest.Digest}}') || exit 1
    if ! printf '%s\n' "$found" | grep -Eqx 'sha256:[0-9a-f]{64}'; then
        echo "No digest of $1 was found but '$found': nothing was written. Check its name, and try again." >&2
        exit 1
    fi
    echo "$found"
}

base() { # $1 a Dockerfile, $2 its base
    name=$(echo "$2" | tr '[:lower:]' '[:upper:]')
    tag=$(sed -n "s/^ARG ${name}_TAG=//p" "$1")
    now=$(digest "docker.io/library/$2:$tag")
    echo "s|^ARG ${name}_DIGEST=.*|ARG ${name}_DIGEST=@$now|" >>"$draft/script"
    echo "$2:$tag $now"
}

base Dockerfile python
for image in $(sed -n 's/^ *image: \([^$]*\)@sha256:.*/\1/p' compose.yaml | sort -u); do
    now=$(digest "$image")
    echo "s|image: $image@sha256:.*|image: $image@$now|" >>"$draft/script"
    echo "$image $now"
done
for file in Dockerfile compose.yaml; do
    sed -f "$draft/script" "$file" >"$draft/file"
    cat "$draft/file" >"$file"
done
