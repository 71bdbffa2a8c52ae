#!/bin/sh
# Writes .env: .env.example with a random password for each that is empty there. What exists is left as it is, since
# databases were made with its passwords.
set -eu
cd "$(dirname "$0")/.."

if [ -e .env ]; then
  echo ".env is there already and stays as it is; to begin anew, remove it and the volumes: docker compose down -v" >&2
  exit 1
fi

# 24 random bytes in letters, digits, - and _, which mean nothing in an address. The end satisfies SQL Server, which
# wants three kinds of characters.
password() { printf '%s-aA1' "$(head -c 24 /dev/urandom | base64 | tr '+/' '-_')"; }

umask 077 # for the owner's eyes only, from the first byte
# Whole or not at all: a file that is cut short would be taken for finished the next time.
trap 'rm -f .env.new' EXIT
while IFS= read -r line; do
  case $line in
    KAFKA_SASL_PASSWORD=) ;; # of somebody else's Kafka: not ours to make up
    [A-Z]*_PASSWORD=) line=$line$(password) ;;
  esac
  printf '%s\n' "$line"
done <.env.example >.env.new
mv .env.new .env
echo "wrote .env with new passwords. Grafana's user is admin; its password: grep GRAFANA_ADMIN_PASSWORD .env"
