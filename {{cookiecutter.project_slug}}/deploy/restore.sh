#!/bin/sh
# Restores a back-up into an empty database and empty folders: restore.sh FOLDER/TIME. docs/backups.md says more.
set -eu
umask 077
export LC_ALL=C

fail() {
    printf '%s\n' "$1" >&2
    exit 1
}

# %2F becomes /.
decoded() {
    text=$1
    while printf %s "${text%%[%]*}" && [ "$text" != "${text#*[%]}" ]; do
        text=${text#*[%]}
        printf %b "\\0$(printf %o "0x${text%"${text#??}"}")"
        text=${text#??}
    done
}

# A secret can be in a file, as in the settings of the project.
if [ -z "${DATABASE_URL:-}" ] && [ -n "${DATABASE_URL_FILE:-}" ]; then
    DATABASE_URL=$(tr -d "[:space:]" <"$DATABASE_URL_FILE") ||
        fail "DATABASE_URL_FILE must name a file that can be read."
fi
case ${DATABASE_URL:-} in
    *[?\&]*password=*) fail "DATABASE_URL has a password after the ?: write postgres://user:password@host:5432/name." ;;
    postgres://* | postgresql://*) ;;
    *) fail "DATABASE_URL must be the URL of a PostgreSQL database: postgres://user:password@host:5432/name." ;;
esac
# In the connections of a pooler, pg_dump would leave settings for the site.
case ${DATABASE_POOLER:-} in
    1 | [Tt][Rr][Uu][Ee]) fail "DATABASE_URL must name PostgreSQL itself, and DATABASE_POOLER must be unset." ;;
esac
# All users of the machine can read the arguments of a process, but not its environment.
password=$(printf '%s\n' "$DATABASE_URL" | sed -n 's|^[a-z]*://[^:/?@]*:\([^/?@]*\)@.*|\1|p')
if [ -n "$password" ]; then
    PGPASSWORD=$(decoded "$password")
    export PGPASSWORD
fi
# PostgreSQL does not know Django's conn_max_age.
url=$(printf '%s\n' "$DATABASE_URL" | sed -e 's|^\([a-z]*://[^:/?@]*\):[^/?@]*@|\1@|' \
    -e 's/\([?&]\)conn_max_age=[0-9]*&\{0,1\}/\1/' -e 's/[?&]$//')

key=${BACKUP_KEY_FILE:-}
if [ -n "$key" ]; then
    [ -n "$(head -n 1 "$key")" ] || fail "BACKUP_KEY_FILE must name a file whose first line is a key."
fi

[ $# -eq 1 ] || fail "Name the folder of the back-up: restore.sh FOLDER/TIME."
from=${1%/}
case $(ls "$from") in
    *.enc*) enc=.enc ;;
    *) enc= ;;
esac
for file in SHA256SUMS "SHA256SUMS$enc" "database.dump$enc"; do
    [ -f "$from/$file" ] || fail "$from is no back-up, or it is damaged: $file is missing."
done

decrypted() {
    if [ -n "$enc" ]; then
        openssl enc -d -aes-256-cbc -pbkdf2 -pass "file:$key" -in "$from/$1.enc"
    else
        cat "$from/$1"
    fi
}

checksums() {
    (cd "$from" && find . -type f ! -path ./SHA256SUMS ! -path "./SHA256SUMS$enc" -exec sha256sum {} + | sed 's|\./||')
}

! grep -Eqv "^[0-9a-f]{64}  [a-z.]+$" "$from/SHA256SUMS" || fail "$from cannot be restored: SHA256SUMS is damaged."
faulty=$({ cat "$from/SHA256SUMS" && checksums; } | sort | uniq -u | sed 's/^[^ ]* *//' | sort -u | tr '\n' ' ')
[ -z "$faulty" ] || fail "$from cannot be restored: damaged, missing or foreign files: $faulty"
if [ -n "$enc" ]; then
    [ -n "$key" ] || fail "$from is encrypted: set BACKUP_KEY_FILE to the file with its key."
    decrypted SHA256SUMS | cmp -s - "$from/SHA256SUMS" ||
        fail "$from cannot be decrypted: BACKUP_KEY_FILE has another key, or SHA256SUMS.enc is damaged."
elif [ -n "$key" ]; then
    fail "$from is not encrypted: unset BACKUP_KEY_FILE."
fi
# openssl would complain that only the beginning is read.
decrypted database.dump 2>/dev/null | pg_restore --list >/dev/null ||
    fail "$from cannot be restored: pg_restore cannot read it."

count="SELECT count(*) FROM pg_stat_user_tables"
tables=$(psql --no-psqlrc --tuples-only --no-align --dbname="$url" --command="$count") ||
    fail "Nothing was restored: the database cannot be reached."
[ "$tables" -eq 0 ] || fail "The database has tables already: create an empty one, and set DATABASE_URL to it."
folders=
for file in "$from"/*.tar"$enc"; do
    [ -e "$file" ] || continue
    folder=$(basename "$file" ".tar$enc")
    folders="$folders $folder"
    [ ! -d "$folder" ] || [ -z "$(find "$folder/" -type f ! -name .gitignore)" ] ||
        fail "The folder $folder has files already: move them away, and create an empty folder."
done

# The database comes last, in one transaction. If it fails, no file is left either.
undo() {
    for folder in $folders; do
        [ ! -d "$folder" ] || find "$folder/" -mindepth 1 ! -path "$folder/.gitignore" -delete
    done
}
trap undo EXIT
trap 'exit 1' HUP INT TERM
for folder in $folders; do
    mkdir -p "$folder"
    # A pipe alone would not fail if the command before it fails.
    unpacked=$({ { decrypted "$folder.tar" && echo yes >&3; } | tar -C "$folder" -xpf -; } 3>&1) &&
        [ -n "$unpacked" ] || fail "Nothing was restored: unpacking $folder failed."
done
decrypted database.dump |
    pg_restore --dbname="$url" --no-owner --no-acl --exit-on-error --single-transaction ||
    fail "Nothing was restored: pg_restore failed."
trap - EXIT
echo "Restored $from: database$folders. Next, run manage.py migrate and manage.py check."
