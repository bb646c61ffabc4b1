#!/bin/sh
# Saves the database and the uploads in a new folder: backup.sh FOLDER. docs/backups.md says more.
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
