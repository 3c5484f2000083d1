#!/bin/sh
# Creates Temporal's two databases in PostgreSQL and brings their schemas up to this version. Safe to run again.
set -eu
SQL_PASSWORD=$(cat /run/secrets/postgres_password)
export SQL_PASSWORD

upgrade() {
  database=$1 schema=$2
  tool="temporal-sql-tool --plugin postgres12 --ep postgres -p 5432 -u temporal --db $database"
  $tool create
  $tool setup-schema -v 0.0
  $tool update-schema -d "/etc/temporal/schema/postgresql/v12/$schema/versioned"
}

upgrade temporal temporal
upgrade temporal_visibility visibility
