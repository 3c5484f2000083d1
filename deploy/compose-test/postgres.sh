#!/bin/sh
# What the official image does at its first start: a cluster, a user and a database of the user's name, a login by password.
set -eu
chown -R postgres "$(mkdir -p "$PGDATA" && echo "$PGDATA")"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  su postgres -s /bin/sh -c "initdb --username=$POSTGRES_USER --auth-local=trust --auth-host=scram-sha-256 --pwfile=$POSTGRES_PASSWORD_FILE >/dev/null"
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  su postgres -s /bin/sh -c "pg_ctl -w -o '-c listen_addresses=' start && createdb -U $POSTGRES_USER $POSTGRES_USER && pg_ctl -w -m fast stop"
fi
exec setpriv --reuid=postgres --regid=postgres --clear-groups postgres -c listen_addresses='*'
