#!/usr/bin/env bash
#
# clean.sh
#		Remove the work folders of `make check` and `make demo`, with whatever
#		server still runs in them.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

for name in .work .demo; do
	hold_work "$ROOT/$name"
	remove_work "$name"
done
