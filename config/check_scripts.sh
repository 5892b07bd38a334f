#!/usr/bin/env bash
# Type-checks the page scripts with TypeScript, where node and npm can bring it.
set -u
cd "$(dirname "$0")/.."
version=7.0.2
home=.venv/typescript-$version

if ! command -v node > /dev/null || ! command -v npm > /dev/null; then
    echo "  skipped: there is no node and npm here"
    exit 0
fi
if [ ! -e "$home/done" ]; then
    if ! npm install --prefix "$home" --no-save --no-audit --no-fund --silent \
        "typescript@$version" < /dev/null > .venv/npm.log 2>&1; then
        echo "  skipped: npm could not install TypeScript (see .venv/npm.log)"
        exit 0
    fi
    touch "$home/done"
fi
exec "$home/node_modules/.bin/tsc" --project static/jsconfig.json
