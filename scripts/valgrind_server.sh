#!/usr/bin/env bash
#
# valgrind_server.sh
#		The server of the stage under valgrind, for pg_ctl to start.
#
# Each process that finds something writes it to .work/log/valgrind.PID; an empty
# file says that there was nothing. What a packaged server does by itself is
# suppressed by valgrind.supp.

exec valgrind --quiet --leak-check=no --trace-children=yes --track-origins=no --num-callers=30 \
	--gen-suppressions=all --suppressions="$TREE/scripts/valgrind.supp" \
	--error-markers=VALGRIND-BEGIN,VALGRIND-END --log-file="$WORK/log/valgrind.%p" \
	"$STAGE_BIN/postgres" "$@"
