#!/bin/sh
# Runs a command in an image's tree as a container engine does with --read-only, --user and
# --tmpfs /tmp: a separate process 1, nothing to write to but a small /tmp, no way to more rights.
# The network is the machine's.
#
#     unshare --fork --pid --mount sh contained.sh TREE UID:GID FOLDER SOCKETS COMMAND...
#
# SOCKETS is a folder of the machine, seen as /run/postgresql inside.
set -eu
tree=$1 user=$2 folder=$3 sockets=$4
shift 4
mount --make-rprivate /
mount --bind "$tree" "$tree"
mount -t proc -o nosuid,nodev,noexec proc "$tree/proc"
mount --rbind /dev "$tree/dev"
mount -t tmpfs -o nosuid,nodev,noexec,mode=1777,size=64m tmpfs "$tree/tmp"
mount -t tmpfs -o nosuid,nodev,noexec,mode=755,size=1m tmpfs "$tree/run"
mkdir "$tree/run/postgresql"
mount --bind "$sockets" "$tree/run/postgresql"
mount -o remount,ro,bind "$tree/run"
mount -o remount,ro,bind "$tree"
exec setpriv --no-new-privs chroot --userspec="$user" --groups= "$tree" \
    /usr/bin/env --chdir="$folder" "$@"
