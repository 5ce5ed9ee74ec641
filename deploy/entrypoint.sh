#!/bin/sh
# Run groupbeat; a setting whose name ends in _FILE is read from that file, as docker secrets are.
# GROUPBEAT_CLICKHOUSE_PASSWORD_FILE=/run/secrets/x becomes GROUPBEAT_CLICKHOUSE_PASSWORD.
set -eu

for name in $(env | sed -n 's/^\(GROUPBEAT_[A-Z0-9_]*\)_FILE=.*/\1/p'); do
    eval "file=\$${name}_FILE"
    value=$(cat "$file")
    if [ -z "$value" ]; then
        echo "$file, which ${name}_FILE names, is empty" >&2
        exit 1
    fi
    export "$name=$value"
    unset "${name}_FILE"
done

exec groupbeat "$@"
