#!/bin/sh
# Starts the Temporal server as its image does, with the database's password from a file: it takes it by a variable alone.
set -eu
POSTGRES_PWD=$(cat /run/secrets/postgres_password)
export POSTGRES_PWD
exec /etc/temporal/entrypoint.sh
