#!/bin/sh
# Asks a running compose project whether all of it fits together: stops the tills, lets the pipeline work off what is on
# its way, and compares Kafka's lines, the CSV's and the warehouse's. The tills go on afterwards.
set -eu
cd "$(dirname "$0")/.."

engine() { docker compose exec -T "$@"; }
# The image has no shell and no curl; Prometheus' has wget.
metric() { # SERVICE:PORT METRIC: the sum over its series
  engine prometheus wget -q -O - "http://$1/metrics" | awk -v name="$2" '$1 == name || index($1, name "{") == 1 { sum += $2 } END { printf "%d\n", sum }'
}

engine consumer /tillstream health --ready >/dev/null
engine etl /tillstream health --ready >/dev/null
trap 'docker compose start producer >/dev/null 2>&1' EXIT
docker compose stop producer >/dev/null 2>&1 # it flushes what it has begun

tries=60
until [ "$(metric consumer:2113 tillstream_consumer_lag_messages)" = 0 ]; do
  tries=$((tries - 1))
  [ $tries -gt 0 ] || { echo "sales still wait in Kafka" >&2; exit 1; }
  sleep 1
done

written=$(metric consumer:2113 tillstream_written_lines_total)
echo "lines on disk:      $written"
for other in tillstream_duplicate_lines_total tillstream_conflicting_lines_total tillstream_dead_letters_total; do
  n=$(metric consumer:2113 $other)
  [ "$n" = 0 ] || echo "$other: $n"
done

# Each line of the source and of the CSV must be in the warehouse once, and nothing else. `live` is a second behind.
tries=10
until docker compose run --rm --no-deps -T etl-load etl verify --csv /data/live; do
  tries=$((tries - 1))
  [ $tries -gt 0 ] || { echo "the warehouse differs from its sources" >&2; exit 1; }
  sleep 3
done
