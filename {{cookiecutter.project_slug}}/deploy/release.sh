#!/bin/sh
# Installs and starts a version of the project on this machine. Run it as root:
#
#     release.sh REVISION    a tag, a commit, or a branch such as origin/main
#     release.sh --back      the version that ran before
#
# If a step fails, the running version goes on.
set -eu
umask 022
cd /srv/{{ cookiecutter.project_slug }}

fail() {
    echo "release.sh: $1" >&2
    exit 1
}

# Makes `current` lead to a version, and starts it. The running processes keep their own files.
start() {
    ln --symbolic --force --no-dereference "$1" current.new
    mv --no-target-directory current.new current
    cp current/deploy/{{ cookiecutter.project_slug }}* /etc/systemd/system/
    systemctl daemon-reload
{% if cookiecutter.background_tasks == "Celery" %}
    systemctl try-restart {{ cookiecutter.project_slug }} {{ cookiecutter.project_slug }}-worker {{ cookiecutter.project_slug }}-beat
{% else %}
    systemctl try-restart {{ cookiecutter.project_slug }}
{% endif %}
{% if cookiecutter.interface == "WSGI" %}
    # mod_wsgi loads the new version when this file changes.
    touch current/{{ cookiecutter.project_slug }}/wsgi.py
{% endif %}
    if systemctl is-active --quiet {{ cookiecutter.project_slug }}; then
        # Such as `/run/{{ cookiecutter.project_slug }}.sock (Stream)` or `[::]:8000 (Stream)`.
        address=$(systemctl show --property Listen --value {{ cookiecutter.project_slug }}.socket)
        address=${address% (*}
        case $address in
            /*) set -- --unix-socket "$address" http://localhost/readyz ;;
            *) set -- "http://localhost:${address##*:}/readyz" ;;
        esac
        set -- --max-time 10 --retry 120 --retry-delay 1 --retry-max-time 120 --retry-all-errors "$@"
        curl --silent --show-error --fail --output /dev/null "$@" ||
            fail "the new version is not ready; see journalctl -u {{ cookiecutter.project_slug }}, or start the old one with --back."
    fi
    echo "$(readlink current) runs."
}

[ $# = 1 ] || fail "name one revision, such as v1.2 or origin/main, or --back."
mkdir -p releases
exec 9> releases/.lock
flock --nonblock 9 || fail "another release is running."

if [ "$1" = --back ]; then
    [ -e previous ] || fail "there is no earlier version."
    back=$(readlink previous)
    ln --symbolic --force --no-dereference "$(readlink current)" previous
    start "$back"
    exit
fi

git -C repository fetch --quiet --tags --force
commit=$(git -C repository rev-parse --quiet --verify --short "$1^{commit}") || fail "the repository has no revision $1."
release=releases/$(date +%Y%m%d-%H%M%S)-$commit
mkdir "$release"
trap 'rm -rf "$PWD/$release"; echo "release.sh: $1 was not started." >&2' EXIT
git -C repository archive "$commit" | tar --extract --directory "$release"
for shared in .env {{ cookiecutter.__data_folders }}; do
    rm -rf "${release:?}/$shared"
    ln --symbolic "../../$shared" "$release/$shared"
done

(
    cd "$release"
    PIPENV_VENV_IN_PROJECT=1 pipenv install --deploy
    .venv/bin/python manage.py check --deploy
    .venv/bin/python manage.py collectstatic --noinput
    # Open pages still ask for the static files of the version before.
    [ ! -e ../../current ] || cp --archive --link --no-clobber ../../current/staticfiles/. staticfiles/
    # The running version has to work with the new database, too.
    .venv/bin/python manage.py migrate
)
trap - EXIT

[ ! -e current ] || ln --symbolic --force --no-dereference "$(readlink current)" previous
start "$release"
for old in $(ls -d releases/*/ | head -n -5); do
    [ "$old" -ef current ] || [ "$old" -ef previous ] || rm -rf "$old"
done
