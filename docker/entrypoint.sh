#!/bin/sh
# Secrets by file: for every DBT_..._FILE and SQLORCH_..._FILE in the environment, and for PGPASSWORD_FILE, the
# file's content becomes the variable without _FILE, as the official images of PostgreSQL and others do it. A
# variable that is set already wins. Then the command takes this shell's place, so that signals reach it.
set -eu

for name in $(env | sed -nE 's/^((DBT|SQLORCH)_[A-Za-z0-9_]*|PGPASSWORD)_FILE=.*$/\1/p'); do
    eval "file=\${${name}_FILE-}"
    eval "present=\${${name}+yes}"
    if [ -z "$file" ] || [ "$present" = yes ]; then
        continue
    fi
    if [ ! -r "$file" ]; then
        echo "Error: ${name}_FILE names $file, which cannot be read; check the secret and its permissions" >&2
        exit 2
    fi
    value=$(cat "$file")
    export "$name=$value"
done

exec "$@"
