# Which database backup.sh and restore.sh use, and with which key: they source this file.

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
