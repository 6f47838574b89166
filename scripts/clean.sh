#!/usr/bin/env bash
#
# clean.sh
#		Remove the work folders of `make check`, `make demo` and the mutations, with whatever
#		server still runs in them, and those of `make check-versions`.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

for name in .work .demo .mutations; do
	hold_work "$ROOT/$name"
	remove_work "$name"
done

# Nothing runs or is mounted in these once check_versions.sh has ended.
hold_work "$ROOT/.versions"
rm -rf --one-file-system "$ROOT/.versions"
