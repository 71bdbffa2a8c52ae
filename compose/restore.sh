#!/bin/sh
# Fills new volumes from a directory that compose/backup.sh wrote, and starts everything. What is there is never written
# over: `docker compose down --volumes` removes it first.
#
#   compose/restore.sh DIR
set -eu
cd "$(dirname "$0")/.."
. compose/volumes.sh

from=${1:?usage: compose/restore.sh DIR}
[ -e "$from/env" ] || { echo "$from holds no back-up, or no whole one: there is no env in it" >&2; exit 1; }
for file in "$from"/*.tar.gz; do
  volume=$(basename "$file" .tar.gz)
  if exists "$volume"; then
    echo "the volume $volume is there already; see that it is not needed, then: docker compose down --volumes" >&2
    exit 1
  fi
done
# The databases know the passwords of then.
if [ ! -e .env ]; then
  (umask 077 && cp "$from/env" .env)
elif [ "$(grep _PASSWORD= .env)" != "$(grep _PASSWORD= "$from/env")" ]; then
  echo ".env has other passwords than the back-up; put it aside, or write those of $from/env into it" >&2
  exit 1
fi

docker compose up --no-start # makes the volumes
for file in "$from"/*.tar.gz; do
  into "$(basename "$file" .tar.gz)" -xz <"$file"
done
docker compose up -d --wait
