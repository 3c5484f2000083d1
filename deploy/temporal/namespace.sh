#!/bin/sh
# Creates the namespace, and the search attributes that SEARCH_ATTRIBUTES names ("Name=Type …"), when they are missing.
set -eu

temporal operator cluster health >/dev/null
if ! temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
fi
for attribute in ${SEARCH_ATTRIBUTES:-}; do
  temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
    --name "${attribute%%=*}" --type "${attribute#*=}"
done
