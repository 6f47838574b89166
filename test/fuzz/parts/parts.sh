#!/usr/bin/env bash
#
# parts.sh
#		Fuzzes the parts that read untrusted bytes, without a server: see
#		parts.c.
#
# usage: [SEED=N] test/fuzz/parts/parts.sh FOLDER SECONDS [PART...]
#
# Builds in FOLDER with clang, libFuzzer, AddressSanitizer and UBSan, for the
# server of PG_CONFIG, and gives each part SECONDS. Inputs that led somewhere
# new are kept in FOLDER/PART and taken up again the next time; one that went
# wrong is kept as FOLDER/PART.wrong-*. Prints a line "ok PART: ..." or "not ok
# PART" for each.

set -euo pipefail

SOURCES=(src/core/json_writer.c src/http/headers.c src/http/etag.c src/http/request.c src/videos/response.c src/videos/response_item.c src/videos/response_texts.c
	src/feed/cursor.c src/feed/feed_aggregate.c
	src/videos/fold.c src/videos/words.c src/videos/search.c src/feed/search_query.c
	src/media/boxes.c src/media/codecs.c src/media/head.c src/protect/jwt.c src/protect/caller.c
	test/fuzz/parts/server.c test/fuzz/parts/parts.c)
# what the worker reads; its headers are its own
WORKER_SOURCES=(worker/encrypt.c worker/encryption.c worker/samples.c worker/avc.c worker/hevc.c worker/av1.c
	worker/av1_sequence.c worker/av1_frame.c worker/bits.c worker/boxes.c worker/text.c worker/util.c test/fuzz/parts/worker.c)
PARTS=(states response cursor headers search head token encrypt samples)

# The clang that PostgreSQL uses, else any.
clang_name()
{
	local name

	name=$(sed -n 's/^CLANG *= *//p' "$(dirname "$("$PG_CONFIG" --pgxs)")/../Makefile.global")
	command -v "${name:-clang}" || echo clang
}

# compile SOURCE OBJECT OPTION...
compile()
{
	"$CLANG" -g -O1 -fno-omit-frame-pointer -fwrapv -fno-strict-aliasing \
		-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -D_GNU_SOURCE "${@:3}" -c "$1" -o "$2"
}

build()
{
	local source objects=()

	for source in src/score/*.c "${SOURCES[@]}"; do
		objects+=("$FOLDER/$(basename "$source" .c).o")
		compile "$source" "${objects[-1]}" -DVVAULT_VERSION='"fuzz"' -Isrc -Itest/fuzz/parts \
			-isystem "$("$PG_CONFIG" --includedir-server)"
	done
	for source in "${WORKER_SOURCES[@]}"; do
		objects+=("$FOLDER/worker-$(basename "$source" .c).o")
		compile "$source" "${objects[-1]}"
	done

	# what only the accumulating functions call is not there
	"$CLANG" -no-pie -fsanitize=fuzzer,address,undefined "${objects[@]}" \
		-L"$("$PG_CONFIG" --pkglibdir)" -L"$("$PG_CONFIG" --libdir)" -lpgcommon -lpgport -ljansson -lcrypto -lm \
		-Wl,--unresolved-symbols=ignore-in-object-files -o "$FOLDER/parts"
}

# seed PART: inputs that are as they should be, to begin with.
seed()
{
	mkdir -p "$FOLDER/$1"
	case $1 in
		encrypt | samples)
			perl test/fuzz/parts/media_seeds.pl "$1" "$FOLDER/$1"
			return
			;;
	esac
	perl -e '
		my ($part, $folder) = @ARGV;
		my @seeds;
		my $zeros = pack "q> q> q> q> q>", 1, 0, 5, 0, 9;
		my $observation = pack "q> q> C q> C q>", 5, 1000, 0, 10, 1, 0;
		my $earlier = pack "q> q> C q> C q>", 4, 900, 0, 9, 0, 3;
		my $feed = pack "l> C q>", 3, 1, 2;
		$feed .= pack("C d> C l>", 0, $_, 0, 7) . "{\"a\":$_}" for 1, 2;
		if ($part eq "states")
		{
			@seeds = map { chr($_->[0]) . "\xff" . $_->[1] }
				[0, $zeros],
				[1, pack("C d> C d> C", 0, 5000, 0, 5, 2) . $observation . $earlier],
				[2, pack("q> q> q> q> q> N l> q> l> q>", 5, 2, 4, 0, 300000000, 2, 10, 3, 20, 2)],
				[3, pack("q> d> d> q> d>", 2, 1.5, 2.5, 1, 2.5)],
				[4, $feed];
			push @seeds, map { my $s = $_; substr($s, 1, 1) = "\x7f"; $s . substr $s, 2 } @seeds;
		}
		elsif ($part eq "response")
		{
			open my $in, "-|", $^X, "demo/generate.pl", "--days", 1, "--per-chart", 2 or die;
			while (<$in>)
			{
				chomp;
				my $text = (split /\t/)[3];
				$text =~ s/\\(.)/$1/g;
				push @seeds, $text;
				last if @seeds == 20;
			}
			# no text of the server holds a zero byte; here one once ended a copy early
			push @seeds, $seeds[0] =~ s/"items"/\0"\\u0000items"/r;
		}
		elsif ($part eq "head")
		{
			require "./test/media/Boxes.pm";
			@seeds = Boxes::examples();
		}
		elsif ($part eq "token")
		{
			@seeds = ("C{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"JWT\"}\x01{\"iss\":\"i\",\"aud\":[\"a\",\"b\"],\"sub\":\"s\",\"exp\":1800000000,"
				. "\"nbf\":1,\"iat\":1.5,\"jti\":\"j\",\"video_id\":\"v\",\"permissions\":[\"view\",\"edit\"]}",
				"C{\"alg\":\"HS256\",\"kid\":\"k1\",\"crit\":[\"b64\"]}\x01{\"aud\":\"a\",\"permissions\":{}}",
				"TeyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0.eyJleHAiOjF9.c2lnbmVk");
		}
		elsif ($part eq "cursor")
		{
			@seeds = map { "1|PL|$_|4049000000000000|0002a1b2c3d4e5f6|video" } "views", "trending";
		}
		elsif ($part eq "search")
		{
			@seeds = ("M\xc3\xbcller AC/DC rock\xe2\x80\x99n\xe2\x80\x99roll\x01Kan\xc3\xa5l\x01tag", "Vlog -dag 1- op \"reis mee\" or k-pop",
				"\xd7\xa6\xd7\x94\"\xd7\x9c \xd8\xac\xd9\x80\xd9\x8e, \xe6\x97\x85\xe3\x83\xbb\xe3\x83\xa9 \xf0\x9f\x87\xb5\xf0\x9f\x87\xb1",
				"https://youtu.be/Qz7-x_9AbYk?t=3", "\xef\xb7\xba\xc2\xbd\xe2\x84\xa2 a-b-c-d-e");
		}
		else
		{
			@seeds = ("{\"host\":\"x\",\"if-none-match\":\"\\\"0\\\", W/\\\"1\\\"\"}", "{\"a\":[{\"if-none-match\":\"*\"}]}");
		}
		for my $n (0 .. $#seeds)
		{
			open my $out, ">:raw", "$folder/seed-$n" or die;
			print {$out} $seeds[$n];
			close $out;
		}' "$1" "$FOLDER/$1"
}

run()
{
	local log=$FOLDER/$1.log

	# nested JSON is read by recursion, which the server bounds and this does not
	if PART=$1 ASAN_OPTIONS=detect_leaks=0:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1 \
		"$FOLDER/parts" -max_total_time="$SECONDS_EACH" -max_len=8192 -timeout=120 -seed="${SEED:-0}" -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="$FOLDER/$1.wrong-" "$FOLDER/$1" >"$log" 2>&1; then
		echo "ok $1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs," \
			"$(find "$FOLDER/$1" -type f | wc -l) of them kept"
	else
		echo "not ok $1"
		tail -n 60 "$log"
	fi
}

# run_all PART...: as many side by side as there are cores; what they say comes in turn.
run_all()
{
	local part

	for part in "$@"; do
		seed "$part"
		[ "$(jobs -pr | wc -l)" -lt "$(nproc)" ] || wait -n
		run "$part" >"$FOLDER/$part.said" &
	done
	wait
	for part in "$@"; do
		cat "$FOLDER/$part.said"
	done | tee "$FOLDER/said"
	[ "$(grep -c '^ok ' "$FOLDER/said")" -eq $# ]
}

[ $# -ge 2 ] || { sed -n '3,/^$/s/^#[ \t]\{0,1\}//p' "$0"; exit 2; }
cd "$(dirname "$0")/../../.."
PG_CONFIG=${PG_CONFIG:-pg_config}
mkdir -p "$1"
FOLDER=$(cd "$1" && pwd -P)
SECONDS_EACH=$2
CLANG=$(clang_name)
shift 2
build
run_all "${@:-${PARTS[@]}}"
