#!/bin/sh
# Restores a back-up into an empty database and empty folders: restore.sh FOLDER/TIME. docs/backups.md says more.
set -eu
umask 077
export LC_ALL=C

. "$(dirname "$0")/database.sh"

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
