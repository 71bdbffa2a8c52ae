# What compose/backup.sh and compose/restore.sh share: the volumes of this project, and tar to read and fill them.

project=${COMPOSE_PROJECT_NAME:-tillstream}

# Those of all consumers with them. The sample can be made again. Asks for .env.
volumes() { docker compose config --volumes | grep -vx sample; }

exists() { docker volume inspect "${project}_$1" >/dev/null 2>&1; }

# Prometheus' image has a tar. As root, since each volume belongs to another user; with no network.
tar_of() { # MODE VOLUME ARGUMENT...
  mode=$1 volume=$2
  shift 2
  docker run --rm -i --user 0 --network none --entrypoint tar -v "${project}_$volume:/volume:$mode" \
    "$(docker compose config --images prometheus | grep prometheus)" -C /volume "$@"
}
from() { tar_of ro "$@"; }
into() { tar_of rw "$@"; }
