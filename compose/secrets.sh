#!/bin/sh
# Looks for the passwords of .env where nobody may see one: in the logs, spans and metrics of a running compose project,
# on command lines, in health checks and labels, and in the images.
set -eu
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -n 's/^[A-Z_]*_PASSWORD=\(..*\)/\1/p' .env >"$work/passwords"
count=$(wc -l <"$work/passwords")
[ "$count" -gt 0 ] || { echo ".env has no passwords" >&2; exit 1; }

get() { docker compose exec -T prometheus wget -q -O - "$1"; }
containers=$(docker compose ps --all --quiet)

docker inspect --format '{{json .Config.Env}}' $containers >"$work/environments"

docker compose logs --no-color >"$work/logs" 2>&1
docker inspect --format '{{json .Path}} {{json .Args}} {{json .Config.Cmd}} {{json .Config.Entrypoint}} {{json .Config.Labels}} {{json .Config.Healthcheck}} {{json .State}}' \
  $containers >"$work/commands"
docker compose top >"$work/processes"
for image in $(docker compose config --images | sort -u); do docker history --no-trunc "$image"; done >"$work/images"
for engine in consumer:2113 etl:2114 producer:2112; do get "http://$engine/metrics" || true; done >"$work/metrics" 2>/dev/null
for service in $(get http://jaeger:16686/api/services | tr -d '[]{}"' | sed 's/.*data:\([^:]*\),[a-z]*:.*/\1/' | tr ',' ' '); do
  get "http://jaeger:16686/api/traces?service=$service&limit=1500"
done >"$work/spans"

# That a password is found where it is known to be shows that it would be found elsewhere.
while read -r password; do
  printf '%s\n' "$password" >"$work/one"
  grep -qF -f "$work/one" "$work/environments" || { echo "a password of .env is in no container's environment; was .env changed since?" >&2; exit 1; }
done <"$work/passwords"
for place in logs commands processes images metrics spans; do
  [ -s "$work/$place" ] || { echo "there are no $place to look through" >&2; exit 1; }
  printf '%-10s %9d bytes' "$place" "$(wc -c <"$work/$place")"
  if grep -qF -f "$work/passwords" "$work/$place"; then
    echo ": a password of .env is in the $place" # it is not printed once more
    found=1
  else
    echo
  fi
done
[ -z "${found:-}" ] || exit 1
echo "none of the $count passwords"
