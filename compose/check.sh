#!/bin/sh
# Asks a running compose project whether all of it fits together: stops the tills, lets the pipeline work off what is on
# its way, and compares Kafka's lines, the CSV's and the warehouse's. The tills go on afterwards.
set -eu
cd "$(dirname "$0")/.."

engine() { docker compose exec -T "$@"; }
# consumer writes to live, consumer-2 to live-2, and so on; the tills may be real ones.
services=$(docker compose config --services)
consumers=$(echo "$services" | grep -xE 'consumer(-[0-9]+)?' | sort)
directories=$(echo "$consumers" | sed 's,^consumer,/data/live,' | paste -s -d , -)
# The image has no shell and no curl; Prometheus' has wget.
metrics() { for consumer in $consumers; do engine prometheus wget -q -O - "http://$consumer:2113/metrics" || return 1; done; }
metric() { # NAME: the sum over its series in all consumers; one that is missing is not 0
  all=$(metrics) || return 1
  echo "$all" | awk -v name="$1" '$1 == name || index($1, name "{") == 1 { sum += $2; seen = 1 } END { if (!seen) exit 1; printf "%d\n", sum }'
}

for one in $consumers etl; do
  engine "$one" /tillstream health --ready >/dev/null
done
if echo "$services" | grep -qx producer; then
  trap 'docker compose start producer >/dev/null 2>&1' EXIT
  docker compose stop producer >/dev/null 2>&1 # it flushes what it has begun
fi

tries=60
until [ "$(metric tillstream_consumer_lag_messages)" = 0 ]; do
  tries=$((tries - 1))
  [ $tries -gt 0 ] || { echo "sales still wait in Kafka" >&2; exit 1; }
  sleep 1
done

written=$(metric tillstream_written_lines_total)
echo "lines on disk:      $written"
for other in tillstream_duplicate_lines_total tillstream_conflicting_lines_total tillstream_dead_letters_total; do
  n=$(metric $other)
  [ "$n" = 0 ] || echo "$other: $n"
done

# Each line of the source and of the CSV must be in the warehouse once, and nothing else. `live` is a second behind.
tries=10
until docker compose run --rm --no-deps -T etl-load etl verify --csv "$directories"; do
  tries=$((tries - 1))
  [ $tries -gt 0 ] || { echo "the warehouse differs from its sources" >&2; exit 1; }
  sleep 3
done
