#!/bin/sh
# Writes all that cannot be made again into a directory: the volumes, each as a tar, and .env. Everything is stopped
# meanwhile, so that they are of one moment, and started again.
#
#   compose/backup.sh DIR
#
# The directory holds passwords and sales: keep it as safe as the machine.
set -eu
cd "$(dirname "$0")/.."
. compose/volumes.sh

to=${1:?usage: compose/backup.sh DIR}
umask 077 # for the owner's eyes only
mkdir -p "$to"
[ -z "$(ls -A "$to")" ] || { echo "$to is not empty; an earlier back-up is never written over" >&2; exit 1; }

all=$(volumes)
trap 'docker compose up -d --wait' EXIT # also when it fails in the middle
docker compose stop
for volume in $all; do
  exists "$volume" || continue # of a server that is not here
  from "$volume" -cz . >"$to/$volume.tar.gz"
done
cp .env "$to/env" # last: without it, restore.sh knows that the rest is not whole
du -h "$to"/*
