#!/bin/sh
#
# Fits the constants of vvault_momentum_score anew and prints the tables of
# docs/scores.md as Markdown.
#
#   bench/scores/run.sh [DATA_FOLDER]
#
# The folder defaults to ../shared/data beside the project. Without the charts
# there is nothing to measure and the run is skipped. Needs Python 3 with
# numpy (Debian: python3-numpy).
set -eu
export PYTHONDONTWRITEBYTECODE=1

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
data=${1:-$root/../shared/data}

if [ ! -f "$data/US_2017-09_2017-10.csv" ]; then
	echo "skipped: no charts in $data"
	exit 0
fi

for python in "${PYTHON:-python3}" /usr/bin/python3; do
	if "$python" -c 'import numpy' 2>/dev/null; then
		exec "$python" "$here/study.py" "$data" "$root/src/score/momentum.c"
	fi
done
echo "bench/scores/run.sh needs Python 3 with numpy (Debian: apt-get install python3-numpy)" >&2
exit 1
