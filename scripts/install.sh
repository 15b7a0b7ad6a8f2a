#!/bin/sh
# Makes .venv with a Python that fits and installs exactly the pinned, hashed requirements into it.
# Does nothing when that was done for the files as they are now. Says what happens on stderr: stdout belongs to commands.
set -eu

LOG=.venv/install.log
STAMP=.venv/installed

say() { printf '%s\n' "$*" >&2; }

# The version rule of pyproject.toml's requires-python.
is_supported() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

has_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

# What the installation was made from: the files' contents, the place (scripts hold its path) and the interpreter.
fingerprint() {
    cksum requirements.txt requirements-dev.txt pyproject.toml
    pwd
    .venv/bin/python -c 'import sys; print(sys.version)'
}

find_python() {
    without_venv=""
    for candidate in python3.13 python3.12 python3.11 python3; do
        is_supported "$candidate" || continue
        if has_venv "$candidate"; then
            printf '%s' "$candidate"
            return
        fi
        without_venv=${without_venv:-$candidate}
    done
    if [ -n "$without_venv" ]; then
        say "$without_venv is here without its venv module: install it (Debian, Ubuntu: apt install python3-venv)."
    else
        say "Python 3.11, 3.12 or 3.13 is needed and was not found: install one (Debian: apt install python3 python3-venv; macOS: brew install python@3.13)."
    fi
    return 1
}

# Runs a step with its output in the log; on a terminal it counts the packages, so that a slow network shows.
run_logged() {
    "$@" >>"$LOG" 2>&1 &
    child=$!
    trap 'kill "$child" 2>/dev/null; exit 130' INT TERM
    if [ -t 2 ]; then
        while kill -0 "$child" 2>/dev/null; do
            printf '\r  %s of %s packages' "$(grep -c '^Collecting ' "$LOG" || :)" "$packages" >&2
            sleep 1
        done
        printf '\r\033[K' >&2
    fi
    failed=0
    wait "$child" || failed=$?
    trap - INT TERM
    return "$failed"
}

install() {
    packages=$(grep -c '^[A-Za-z0-9]' requirements-dev.txt)
    : >"$LOG"
    say "Installing $packages pinned packages into .venv (once; a minute or two) ..."
    run_logged .venv/bin/python -m pip --disable-pip-version-check install --require-hashes -r requirements-dev.txt &&
        run_logged .venv/bin/python -m pip --disable-pip-version-check install --no-deps --no-build-isolation -e .
}

cd "$(dirname "$0")/.."

if [ -e .venv ] && ! is_supported .venv/bin/python; then
    say "Removing .venv: its Python is gone or is not 3.11 to 3.13."
    rm -rf .venv
fi
if [ -x .venv/bin/python ] && [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$(fingerprint)" ]; then
    exit 0
fi
if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    python=$(find_python)
    say "Making .venv with $("$python" --version) ..."
    "$python" -m venv .venv
fi
rm -f "$STAMP"
if ! install; then
    grep -Ev '^(Collecting|Requirement already satisfied|  Using cached|  Downloading)' "$LOG" | tail -n 20 >&2
    say "The requirements could not be installed: check the network and pip's settings (proxy, index), then run make again; everything pip said is in $LOG."
    exit 1
fi
fingerprint >"$STAMP"
