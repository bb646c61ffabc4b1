#!/bin/sh
# Saves the database and the uploads in a new folder: backup.sh FOLDER. docs/backups.md says more.
set -eu
umask 077
export LC_ALL=C

. "$(dirname "$0")/database.sh"

[ $# -eq 1 ] || fail "Name the folder of the back-ups: backup.sh FOLDER."
days=${BACKUP_KEEP_DAYS:-14}
case $days in
    0* | *[!0-9]*) fail "BACKUP_KEEP_DAYS must be a number of days, 1 or more." ;;
esac

encrypted() {
    if [ -n "$key" ]; then
        openssl enc -aes-256-cbc -pbkdf2 -pass "file:$key"
    else
        cat
    fi
}

# A pipe alone would not fail if the command before it fails.
save() {
    file=$1
    shift
    saved=$({ { "$@" && echo yes >&3; } | encrypted >"$new/$file${key:+.enc}"; } 3>&1) && [ -n "$saved" ] ||
        fail "No back-up was made: saving $file failed."
}

# GNU tar exits 1 if files were changed or deleted meanwhile.
packed() {
    tar -C "$1" --exclude ./.gitignore --exclude ./lost+found -cf - . || [ $? -eq 1 ]
}

time=$(date -u +%Y%m%dT%H%M%SZ)
new=$1/.$time
mkdir -p "$1"
mkdir "$new" || fail "No back-up was made: $new cannot be created."
trap 'rm -rf "$new"' EXIT
trap 'exit 1' HUP INT TERM
[ ! -e "$1/$time" ] || fail "$1/$time was made in this second: try again."

# The uploads come last, so that those of all saved rows are there.
save database.dump pg_dump --format=custom --dbname="$url"
for folder in media private; do
    [ ! -d "$folder" ] || save "$folder.tar" packed "$folder"
done
(cd "$new" && sha256sum -- *.* >SHA256SUMS) || fail "No back-up was made: saving SHA256SUMS failed."
[ -z "$key" ] || save SHA256SUMS cat "$new/SHA256SUMS"
sync "$new"/* "$new"
mv "$new" "$1/$time"
echo "Saved $1/$time: $(du -sh "$1/$time" | cut -f 1)."

# Folders with a dot are of back-ups that were killed.
name='????????T??????Z'
find "$1/" -mindepth 1 -maxdepth 1 -type d -mmin "+$((days * 24 * 60))" \
    \( -name ".$name" -o \( -name "$name" -exec test -e {}/SHA256SUMS \; \) \) -exec rm -rf {} +
