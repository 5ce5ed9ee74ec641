#!/bin/bash
# Start ClickHouse with the passwords of the docker secrets, hashed: no configuration and no environment has them plain.
set -euo pipefail

sha256_of() {
    local password
    password=$(cat "${SECRETS:-/run/secrets}/$1")
    if [ "${#password}" -lt 12 ]; then
        echo "the secret $1 has fewer than 12 characters: see .env.example" >&2
        exit 1
    fi
    printf %s "$password" | sha256sum | cut -d " " -f 1
}

CLICKHOUSE_WRITER_SHA256=$(sha256_of clickhouse_writer)
CLICKHOUSE_READER_SHA256=$(sha256_of clickhouse_reader)
export CLICKHOUSE_WRITER_SHA256 CLICKHOUSE_READER_SHA256
exec "${ENTRYPOINT:-/entrypoint.sh}" "$@"
