# shellcheck shell=bash
#
# lib.sh
#		What the scripts behind `make check`, `make demo` and their like share.
#
# To be sourced, never run. A script that needs a server works in two steps.
# Outside, as whoever called make: install what is missing (packages.sh) and
# enter a work folder. Inside, as an unprivileged user who owns that folder:
# build, stage, start, test. The inside sees a copy of the project, so nothing
# is ever written into the project itself but the work folder's name.

set -euo pipefail
shopt -s inherit_errexit
umask 022

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
export ROOT

# The caller's connection settings must not lead us to somebody's server, and
# the outer make's flags must not leak into the ones started here.
clean_environment()
{
	local name

	for name in "${!PG@}"; do
		case $name in
			PG_CONFIG) ;;
			*) unset "$name" ;;
		esac
	done
	unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL CDPATH
	export LC_ALL=C.UTF-8 PGCLIENTENCODING=UTF8
}
[ "${VVAULT_INSIDE:-no}" = yes ] || clean_environment

say()
{
	printf '%s\n' "$*"
}

heading()
{
	printf '\n== %s\n' "$*"
}

die()
{
	printf '%s\n' "$*" >&2
	exit 1
}

# ---------------------------------------------------------------------------
# Which PostgreSQL
# ---------------------------------------------------------------------------

# The highest server that Debian's packages have put on this machine, if any.
installed_major()
{
	local server

	for server in /usr/lib/postgresql/*/bin/postgres; do
		if [ -x "$server" ]; then
			server=${server%/bin/postgres}
			printf '%s\n' "${server##*/}"
		fi
	done | sort -n | tail -n 1
}

# Set PG_CONFIG, PG_MAJOR and PG_DEBIAN (yes: a server from Debian's packages)
# as far as they can be known before anything is installed. PG_MAJOR stays
# empty on a machine without a server.
choose_postgres()
{
	local bindir

	PG_MAJOR=
	PG_DEBIAN=yes
	if [[ ${PG_CONFIG:-} =~ ^/usr/lib/postgresql/([0-9]+)/bin/pg_config$ ]]; then
		PG_MAJOR=${BASH_REMATCH[1]}
	elif [ -n "${PG_CONFIG:-}" ]; then
		bindir=$("$PG_CONFIG" --bindir) || die "PG_CONFIG=$PG_CONFIG does not run"
		PG_MAJOR=$("$PG_CONFIG" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
		[ "$bindir" = "/usr/lib/postgresql/$PG_MAJOR/bin" ] || PG_DEBIAN=no
	else
		PG_MAJOR=$(installed_major)
	fi
	if [ "$PG_DEBIAN" = yes ]; then
		PG_CONFIG=/usr/lib/postgresql/$PG_MAJOR/bin/pg_config
	fi
	export PG_CONFIG PG_MAJOR PG_DEBIAN
}

# ---------------------------------------------------------------------------
# The work folder and the user who owns it
# ---------------------------------------------------------------------------

# run_as USER COMMAND...: as that user when we are root, else as ourselves.
# setpriv replaces itself by the command, so signals reach it.
run_as()
{
	local user=$1

	shift
	if [ "$(id -u)" -eq 0 ] && [ "$user" != root ]; then
		setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups -- "$@"
	else
		"$@"
	fi
}

# The user for servers and tests: PostgreSQL refuses to run as root.
unprivileged_user()
{
	if [ "$(id -u)" -ne 0 ]; then
		id -un
	elif id postgres >/dev/null 2>&1; then
		say postgres
	else
		say nobody
	fi
}

# Can USER write in FOLDER, and can make and the compiler bear its name?
folder_serves()
{
	case $2 in
		*[!A-Za-z0-9_./+@%=:,-]*) return 1 ;;
	esac
	run_as "$1" test -w "$2" -a -x "$2" 2>/dev/null
}

# open_work NAME: set WORK to the work folder NAME of the project and WORK_USER
# to its owner, making it if need be. Where the unprivileged user cannot reach
# the project, the folder is made in /var/tmp and NAME is a link to it.
open_work()
{
	local link=$ROOT/$1

	WORK_NAME=$1
	WORK_USER=$(unprivileged_user)
	if [ -L "$link" ] && [ ! -d "$link" ]; then
		rm "$link"
	fi
	if [ ! -e "$link" ]; then
		mkdir "$link"
		chown "$WORK_USER" "$link"
		folder_serves "$WORK_USER" "$link" || move_work_out "$1"
	fi
	WORK=$(cd "$link" && pwd -P) || die "cannot enter $link"
	WORK_USER=$(stat -c %U "$WORK")
	if [ "$(id -u)" -eq 0 ] && [ "$WORK_USER" = root ]; then
		die "$link belongs to root, and PostgreSQL does not run as root: remove it"
	fi
	folder_serves "$WORK_USER" "$WORK" ||
		die "$WORK cannot be used by $WORK_USER: remove it, or run this as its owner"
	[ "$(id -u)" -eq 0 ] || [ -O "$WORK" ] ||
		die "$WORK belongs to $WORK_USER: run this as that user, or remove it"
	export WORK
}

move_work_out()
{
	local link=$ROOT/$1 folder

	rmdir "$link"
	folder=$(mktemp -d "/var/tmp/vvault${1/./-}.XXXXXX")
	chmod 755 "$folder"
	chown "$WORK_USER" "$folder"
	ln -s "$folder" "$link"
	say "user $WORK_USER cannot work in $ROOT: $1 is a link to $folder"
}

# remove_work NAME: the work folder, what its link points to, and the server in
# it. Refuses to follow a link that open_work cannot have made.
remove_work()
{
	local link=$ROOT/$1 folder

	[ -e "$link" ] || [ -L "$link" ] || return 0
	if [ -L "$link" ]; then
		folder=$(readlink "$link")
		case $folder in
			/var/tmp/vvault"${1/./-}".??????) ;;
			*) die "$link is not a link of ours: not removed" ;;
		esac
	else
		folder=$link
	fi
	if [ -d "$folder" ]; then
		"$ROOT/scripts/site.sh" stop "$folder/site"
		"$ROOT/scripts/media.sh" stop "$folder/media"
		cluster_remove "$folder"
		rm -rf "$folder"
	fi
	rm -f "$link"
}

# copy_project TO: lay a fresh copy of the project there, as WORK_USER. What the
# caller has built stays behind: it may be for another server version.
copy_project()
{
	copy_folder "$ROOT" "$1" --exclude=./.git --exclude=./.work \
		--exclude=./.demo --exclude=./.versions --exclude=./.mutations \
		--exclude=node_modules \
		--exclude='*.o' --exclude='*.bc' --exclude='*.so' \
		--exclude="./vvault*--*.sql" --exclude=./results \
		--exclude=./output_iso
}

# copy_folder FROM TO [TAR OPTION...]: read as the caller, written as WORK_USER.
copy_folder()
{
	local from=$1 to=$2

	shift 2
	run_as "$WORK_USER" rm -rf "$to"
	run_as "$WORK_USER" mkdir "$to"
	tar -C "$from" --mode=u+rwX "$@" -cf - . |
		run_as "$WORK_USER" tar -C "$to" --no-same-owner -xf -
}

# The example data beside a developer's checkout, for the tests that want it.
# Sets VVAULT_SHARED_DATA, or leaves it unset where there is none.
copy_shared_data()
{
	unset VVAULT_SHARED_DATA
	[ -d "$ROOT/../shared/data" ] || return 0
	copy_folder "$ROOT/../shared/data" "$WORK/shared-data"
	export VVAULT_SHARED_DATA=$WORK/shared-data
}

# hand_over_postgrest: set VVAULT_POSTGREST to the postgrest of the PATH, or leave it
# unset where there is none. Where WORK_USER cannot enter its folder, it is copied
# into the work folder.
hand_over_postgrest()
{
	local found

	unset VVAULT_POSTGREST
	found=$(command -v postgrest) || return 0
	found=$(realpath "$found")
	if ! run_as "$WORK_USER" test -x "$found" 2>/dev/null; then
		run_as "$WORK_USER" mkdir -p "$WORK/bin"
		run_as "$WORK_USER" rm -f "$WORK/bin/postgrest"
		run_as "$WORK_USER" tee "$WORK/bin/postgrest" <"$found" >/dev/null
		run_as "$WORK_USER" chmod 755 "$WORK/bin/postgrest"
		found=$WORK/bin/postgrest
	fi
	export VVAULT_POSTGREST=$found
}

# The postgrest that was handed over, or the one of the PATH; nothing where there
# is none.
find_postgrest()
{
	say "${VVAULT_POSTGREST:-$(command -v postgrest || true)}"
}

# A lock on the work folder keeps two runs in it apart. It ends with the process
# that holds it; a server that is to live on must not inherit it (9<&-).
hold_work()
{
	[ -d "$1" ] || return 0
	exec 9<"$1"
	flock -n 9 || die "another run is at work in $1"
}

# go_inside NAME SCRIPT ARGUMENT...: go on with SCRIPT of the copied project in
# the work folder NAME, as that folder's owner.
go_inside()
{
	local script=$2

	choose_postgres
	open_work "$1"
	shift 2
	hold_work "$WORK"
	copy_project "$WORK/tree"
	[ "$WORK_NAME" = .demo ] || copy_shared_data
	hand_over_postgrest
	cd "$WORK/tree"
	export HOME=$WORK VVAULT_PROJECT=$ROOT VVAULT_INSIDE=yes
	unset XDG_CONFIG_HOME XDG_RUNTIME_DIR
	if [ "$(id -u)" -eq 0 ]; then
		exec setpriv --reuid="$WORK_USER" --regid="$(id -g "$WORK_USER")" \
			--init-groups -- "$WORK/tree/$script" "$@"
	fi
	exec "$WORK/tree/$script" "$@"
}

inside()
{
	[ "${VVAULT_INSIDE:-}" = yes ]
}

# Inside, set the names of the work folder's parts and go to the copied tree.
set_paths()
{
	TREE=$WORK/tree
	LOGS=$WORK/log
	STAGE=$WORK/stage
	STAGE_BIN=$STAGE$("$PG_CONFIG" --bindir)
	export TREE LOGS STAGE STAGE_BIN
	mkdir -p "$LOGS"
	cd "$TREE"
}

# ---------------------------------------------------------------------------
# Building and staging
# ---------------------------------------------------------------------------

# build_gcc FOLDER [MAKE ARGUMENT...]: everything PGXS builds, with all warnings
# for our own code. Naming PostgreSQL's headers by -isystem takes them out of
# the warnings, and out of -I.
build_gcc()
{
	local folder=$1

	shift
	make -s -k -C "$folder" --no-print-directory -j "$(nproc)" PG_CONFIG="$PG_CONFIG" CC=gcc \
		COPT="-Wall -Wextra -isystem $("$PG_CONFIG" --includedir-server)" \
		"$@" all 2>&1
}

# build_clang FOLDER: the same with clang. PGXS passes on the flags that
# PostgreSQL was configured with for gcc; that clang does not know some of them
# is no finding. Bitcode comes from clang in every build, so it is left out.
build_clang()
{
	build_gcc "$1" CC="$(clang_name)" with_llvm=no \
		PG_CFLAGS="-Wno-unknown-warning-option -Wno-ignored-optimization-argument"
}

# The clang that PostgreSQL makes bitcode with, else any. Debian's headers
# package depends on the first.
clang_name()
{
	local name

	name=$(make_value CLANG)
	name=${name##* }
	command -v "${name:-clang}" || say clang
}

# make_value NAME: a variable as the project's Makefile sees it with PGXS.
make_value()
{
	make -s -C "$WORK/tree" --no-print-directory PG_CONFIG="$PG_CONFIG" \
		--eval="vvault-value: ; @echo '\$($1)'" vvault-value
}

# Where PGXS keeps the test drivers.
pgxs_src()
{
	local pgxs

	pgxs=$("$PG_CONFIG" --pgxs)
	say "${pgxs%/makefiles/pgxs.mk}"
}

# ---------------------------------------------------------------------------
# A cluster of our own, in WORK: data, sock (a link when the path is too long
# for a socket), log/server.log
# ---------------------------------------------------------------------------

# The server that runs on the data folder, if one does: the process named in its
# postmaster.pid, provided that this process sits in that very folder. A number
# alone may long be somebody else's.
server_pid()
{
	local pid

	[ -r "$1/postmaster.pid" ] || return 0
	read -r pid <"$1/postmaster.pid" || return 0
	if [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$(realpath "$1")" ]; then
		say "$pid"
	fi
}

# server_stop DATA: fast shutdown; after half a minute an immediate one.
server_stop()
{
	local pid tries=0

	pid=$(server_pid "$1")
	[ -n "$pid" ] || return 0
	kill -INT "$pid" 2>/dev/null || return 0
	while [ "$(server_pid "$1")" = "$pid" ]; do
		tries=$((tries + 1))
		[ "$tries" -ne 300 ] || kill -QUIT "$pid" 2>/dev/null || true
		[ "$tries" -lt 1500 ] || die "server $pid in $1 does not stop"
		sleep 0.1
	done
}

# cluster_create FOLDER SETTING...: initdb with our settings, not started. The
# locale is that of CLUSTER_LOCALE.
cluster_create()
{
	local folder=$1

	shift
	cluster_remove "$folder"
	mkdir -p "$folder/log"
	"$STAGE_BIN/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 \
		--locale="${CLUSTER_LOCALE:-C.UTF-8}" --no-sync --no-instructions >"$folder/log/initdb.log" 2>&1 ||
		{
			tail -n 20 "$folder/log/initdb.log" >&2
			return 1
		}
	{
		printf '%s\n' "listen_addresses = ''" "port = 5432" "$@"
	} >>"$folder/data/postgresql.conf"
}

# cluster_start FOLDER: start it on a unix socket only; sets PGHOST and PGUSER.
# The socket's path may not pass 107 bytes. Only its owner (and root) can reach
# the folder it is in, which is what lets everybody in there be trusted.
# VVAULT_SERVER is what starts the server where that is another program.
cluster_start()
{
	local folder=$1 sock=$1/sock

	if [ ! -d "$sock" ]; then
		rm -f "$sock"
		if [ ${#sock} -lt 80 ]; then
			mkdir -m 700 "$sock"
		else
			ln -s "$(mktemp -d /tmp/vvault-sock.XXXXXX)" "$sock"
		fi
	fi
	sock=$(realpath "$sock")
	"$STAGE_BIN/pg_ctl" -D "$folder/data" -l "$folder/log/server.log" -w -t 180 \
		-p "${VVAULT_SERVER:-$STAGE_BIN/postgres}" -o "-k '$sock'" start >"$folder/log/pg_ctl.log" 2>&1 9<&- ||
		{
			cat "$folder/log/pg_ctl.log" >&2
			tail -n 20 "$folder/log/server.log" >&2
			return 1
		}
	export PGHOST=$sock PGPORT=5432 PGUSER=postgres
}

# cluster_remove FOLDER: stop and delete it. Harmless where there is none.
cluster_remove()
{
	local sock

	server_stop "$1/data"
	rm -rf "$1/data"
	if [ -L "$1/sock" ]; then
		sock=$(readlink "$1/sock")
		case $sock in
			/tmp/vvault-sock.??????) rm -rf "$sock" ;;
		esac
	fi
	rm -rf "$1/sock"
}

# sql DATABASE [PSQL ARGUMENT...]: psql of the stage, with nobody's psqlrc.
sql()
{
	local database=$1

	shift
	"$STAGE_BIN/psql" -X -q -P pager=off -v ON_ERROR_STOP=1 -d "$database" "$@"
}

# prove_tap ARGUMENT...: prove on TAP tests, which start servers of their own from
# the stage. PostgreSQL::Test keeps its files below TESTDIR up to PostgreSQL 15, in
# TESTDATADIR and TESTLOGDIR later; what it logs is in tap/log with all of them. A
# server beside others may take longer to start than pg_ctl waits by itself.
prove_tap()
{
	mkdir -p "$WORK/tap/tmp_check" "$WORK/tap/log"
	ln -sfn ../log "$WORK/tap/tmp_check/log"
	env -u PGHOST -u PGPORT -u PGUSER PGCTLTIMEOUT=180 \
		PATH="$STAGE_BIN:$PATH" PERL5LIB="$(pgxs_src)/test/perl:$TREE/test/t" \
		PG_REGRESS="$(pgxs_src)/test/regress/pg_regress" \
		PG_CONFIG="$STAGE_BIN/pg_config" VVAULT_PG_CONFIG="$PG_CONFIG" \
		top_builddir="$WORK/tap" \
		TESTDIR="$WORK/tap" TESTDATADIR="$WORK/tap/tmp_check" \
		TESTLOGDIR="$WORK/tap/log" \
		prove "$@" 9<&-
}

# tap_counts LOG STATUS: how many assertions passed, failed and were skipped in the
# output of a verbose prove. A file that is skipped as a whole counts as one; one that
# dies or plans wrongly counts as one more, unless it has failures already.
tap_counts()
{
	local log=$1 passed failed skipped broken

	passed=$(grep -E '^ok [0-9]+' "$log" | grep -civE '# *skip' || true)
	skipped=$(grep -ciE '^ok [0-9]+.*# *skip|\.\. +skipped: ' "$log" || true)
	failed=$(grep -E '^not ok [0-9]+' "$log" | grep -civE '# *todo' || true)
	if [ "$2" -ne 0 ]; then
		broken=$(grep -cE '\(Wstat: .* Failed: 0\)$' "$log" || true)
		failed=$((failed + broken))
		[ "$failed" -ne 0 ] || failed=1
	fi
	say "$passed $failed $skipped"
}

# Stop and delete the servers of TAP tests that ended early.
remove_tap_servers()
{
	local file

	while read -r file; do
		server_stop "${file%/*}"
	done < <(find "$WORK/tap" -name postmaster.pid 2>/dev/null)
	rm -rf "$WORK"/tap/tmp_check/*_data
}

# ---------------------------------------------------------------------------
# Servers beside PostgreSQL
# ---------------------------------------------------------------------------

# The nginx of the machine, or the one unpacked by nginx.sh, which has njs.
find_nginx()
{
	local unpacked=${WORK:-/nonexistent}/nginx

	if ! has_njs / && [ -x "$unpacked/usr/sbin/nginx" ]; then
		say "$unpacked/usr/sbin/nginx"
	else
		PATH=$PATH:/usr/sbin command -v nginx || die "there is no nginx: scripts/nginx.sh"
	fi
}

# has_njs FOLDER: the module of nginx, installed below it.
has_njs()
{
	[ -r "${1%/}/usr/lib/nginx/modules/ngx_http_js_module.so" ]
}

# nginx_conf FOLDER WORKERS [LINE]: FOLDER/nginx.conf, by which an unprivileged nginx
# keeps to that folder, around what is read from standard input, which goes into
# http. LINE comes before all else.
nginx_conf()
{
	local folder=$1

	cat >"$folder/nginx.conf" <<-END
		${3:-}
		worker_processes $2;
		pid $folder/nginx.pid;
		error_log $folder/error.log warn;
		events { worker_connections 1024; }
		http {
			client_body_temp_path $folder/body;
			proxy_temp_path $folder/proxy;
			fastcgi_temp_path $folder/fastcgi;
			uwsgi_temp_path $folder/uwsgi;
			scgi_temp_path $folder/scgi;
			$(cat)
		}
	END
}

# free_ports N: that many ports of 127.0.0.1 that nobody listens on now. They are
# beneath those that the system gives to connections, one of which could take a port
# before it is listened on, and above the last one to which a browser does not go.
free_ports()
{
	perl -MIO::Socket::INET -e 'my ($n, $low, $given, @s) = (shift, 10100, 0);
		if (open my $in, "<", "/proc/sys/net/ipv4/ip_local_port_range") { ($given) = <$in> =~ /(\d+)/ }
		for (my $tries = 0; @s < $n; $tries++) {
			my $port = $given > 2 * $low && $tries < 1000 ? $low + int rand($given - $low) : 0;
			my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $port, Listen => 1);
			die "$!\n" if !$s && !$port;
			push @s, $s if $s;
		}
		print join(" ", map { $_->sockport } @s), "\n"' "$1"
}

# stop_one FILE: the process named there, provided that it works in this folder.
stop_one()
{
	local pid tries=0

	[ -r "$1" ] || return 0
	read -r pid <"$1" || return 0
	[ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "${1%/*}" ] || return 0
	kill "$pid" 2>/dev/null || return 0
	while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 100 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	rm -f "$1"
}
