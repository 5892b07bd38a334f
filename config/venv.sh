#!/usr/bin/env bash
# Makes .venv with the packages of one requirements file: bash config/venv.sh requirements.txt
set -u
cd "$(dirname "$0")/.."
wanted=$1
begun=$SECONDS

find_python() {
    local candidate
    for candidate in ${PYTHON3:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$candidate" > /dev/null &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

if ! .venv/bin/python -m pip --version > /dev/null 2>&1; then
    if ! python=$(find_python); then
        found=$(python3 --version 2> /dev/null || echo "no python3")
        echo "Penumbra needs Python 3.11 or newer and found $found; install it and run make again." >&2
        exit 1
    fi
    if ! "$python" -c 'import ensurepip, venv' 2> /dev/null; then
        echo "Penumbra needs Python's venv module, which $python lacks; on Debian or Ubuntu: apt-get install python3-venv." >&2
        exit 1
    fi
    if ! "$python" -m venv --clear .venv; then
        echo "$python could not make .venv in $PWD; is the disk full or the folder read-only?" >&2
        exit 1
    fi
fi

echo "Installing the packages of $wanted into .venv, once; PyTorch is large, this takes minutes."
log=.venv/install.log
: > "$log"
.venv/bin/python -m pip install --progress-bar off -r "$wanted" >> "$log" 2>&1 &
pip=$!
trap 'kill "$pip" 2> /dev/null; echo; echo "Stopped; the next make goes on."; exit 130' INT TERM
while kill -0 "$pip" 2> /dev/null; do
    if [ -t 1 ]; then
        doing=$(grep -aE '^(Collecting|Downloading|Installing) ' "$log" | tail -n 1 | cut -c 1-60)
        printf '\r\033[K  %4d s  %s' $((SECONDS - begun)) "$doing"
    elif ((SECONDS - begun > 0 && (SECONDS - begun) % 30 == 0)); then
        echo "  $((SECONDS - begun)) s ..."
    fi
    sleep 1
done
if [ -t 1 ]; then printf '\r\033[K'; fi
if ! wait "$pip"; then
    grep -a '^ERROR' "$log" | tail -n 3 >&2
    echo "The packages could not be installed; $PWD/$log says why, and the next make goes on." >&2
    exit 1
fi
echo "✓ packages installed in $((SECONDS - begun)) s"
