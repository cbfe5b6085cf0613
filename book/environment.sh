#!/bin/sh
# Makes .venv with the packages of requirements.txt, where it is not there already.
# Usage: environment.sh [PYTHON]
set -eu
if cmp -s requirements.txt .venv/installed.txt &&
    .venv/bin/python -c 'import coursekit, sys; sys.exit(coursekit.__file__ != sys.argv[1])' "$(pwd -P)/coursekit/__init__.py" 2>/dev/null
then
    exit 0
fi

fits='import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 13)))'
found=
for python in "$1" python3 python3.13 python3.12 python3.11 python; do
    if [ -n "$python" ] && "$python" -c "$fits" 2>/dev/null; then
        found=$python
        break
    fi
    if [ -n "$python" ] && [ "$python" = "$1" ]; then
        echo "✗ $python is not Python 3.11, 3.12 or 3.13." >&2
        exit 1
    fi
done
if [ -z "$found" ]; then
    echo "✗ Box Office needs Python 3.11, 3.12 or 3.13, and none was found. Install one, or name it: make lab PYTHON=/path/to/python3.12" >&2
    exit 1
fi

echo "Setting up Box Office in .venv with $("$found" --version). This takes a minute or two, once."
rm -f .venv/installed.txt
if ! "$found" -m venv --clear .venv; then
    echo "✗ The environment could not be made. On Debian or Ubuntu: apt install python3-venv" >&2
    exit 1
fi
count=$(grep -c '==' requirements.txt)
{ .venv/bin/python -m pip install -r requirements.txt && touch .venv/complete; } |
    awk -v count="$count" '
        /^(Collecting|Processing)/ && ++n % 20 == 0 { printf "  %d of about %d packages fetched\n", n, count; fflush() }
        /^Installing collected/ { print "  putting them in place"; fflush() }'
if [ ! -e .venv/complete ]; then
    echo "✗ A package could not be installed: the lines above say which. Is there a network? Then run the same command again." >&2
    exit 1
fi
# So that a learner's first server starts a second sooner; without it, it is made then.
LC_ALL=C TZ=UTC .venv/bin/python -W ignore -m coursekit.services pattern >/dev/null 2>&1 || true
cp requirements.txt .venv/installed.txt
