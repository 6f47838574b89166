# vvault
#
# Two families of goals:
#
#   make, make install, make installcheck   plain PGXS, for your own server;
#                                           PG_CONFIG=... chooses which one
#   make demo, make check, ...              everything from nothing: they
#                                           install packages and run their own
#                                           throw-away cluster (see scripts/)

OWN_GOALS = check check-cluster check-versions check-memory fuzz demo demo-stop docs format format-check lint bench deb distclean-work

ifneq ($(filter $(OWN_GOALS),$(MAKECMDGOALS)),)

# These goals must work before the server headers are there, so PGXS is not
# read for them; they call make again once the packages are installed.
.PHONY: $(OWN_GOALS)

check:
	@scripts/check.sh

check-cluster:
	@scripts/check_cluster.sh

check-versions:
	@scripts/check_versions.sh

check-memory:
	@scripts/check_memory.sh

fuzz:
	@scripts/fuzz.sh

demo:
	@demo/demo.sh start

demo-stop:
	@demo/demo.sh stop

docs:
	@scripts/docs.sh

format:
	@scripts/format.sh

format-check:
	@scripts/format.sh --check

lint:
	@scripts/lint.sh

bench:
	@bench/run.sh

deb:
	@scripts/deb.sh

distclean-work:
	@scripts/clean.sh

else

# Two extensions of one version, out of one library: vvault, and vvault_stream
# for those who want it.
EXTENSION = vvault vvault_stream
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" vvault.control)

MODULE_big = vvault
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*/*.c)))

# An install script is laid together from the rooms' own .sql files, room by
# room in the order of src/rooms: what a file uses stands in a file above it.
# For each room, what vvault has of it (ROOM_SQL) and what vvault_stream has
# (ROOM_STREAM_SQL). A room of one wing alone may leave out what comes last: its
# other files stand behind these, by their names.
ROOMS := $(shell sed -n 's/^\([a-z]\{1,\}\)[[:blank:]].*/\1/p' src/rooms)
rooms_of = $(shell sed -n 's/^\([a-z]\{1,\}\)[[:blank:]]\{1,\}$1$$/\1/p' src/rooms)

core_SQL = install library counters
score_SQL = engagement virality trending momentum rivals viral_stats auc
site_SQL = settings regions grants
reply_SQL = source cache warmer
videos_SQL = tables home charts search derived texts crowds maintenance scoring ingest refresh source
feed_SQL = feed_aggregate region_list trending explain video search related
analytics_SQL = backtest stats insights schedule baselines
mesh_SQL = applied mesh
ops_SQL = health dashboard cache
openapi_SQL = schemas openapi
start_SQL = revoke

core_STREAM_SQL = stream_install stream_library
site_STREAM_SQL = stream_helpers stream_grants stream_settings
jobs_STREAM_SQL = tables ready enqueue ending dequeue complete bulk manage schedules readers wait events webhooks
protect_STREAM_SQL = keys denied path_token caller content_keys master_key tokens limits
tiers_STREAM_SQL = stores signed_url
media_STREAM_SQL = assets events renditions generations may tokens ladder facts encode process uploads asset manage protect licenses
manifests_STREAM_SQL = manifests watch finish
delivery_STREAM_SQL = edges play_url
people_STREAM_SQL = people
start_STREAM_SQL = revoke

others = $(filter-out $2,$(sort $(patsubst src/$1/%.sql,%,$(wildcard src/$1/*.sql))))
names = $($1_$2) $(if $(filter $1,$3),$(call others,$1,$($1_$2)))
parts = $(foreach room,$(ROOMS),$(patsubst %,src/$(room)/%.sql,$(call names,$(room),$1,$2)))
vvault_PARTS := $(call parts,SQL,$(call rooms_of,vvault))
vvault_stream_PARTS := $(call parts,STREAM_SQL,$(call rooms_of,vvault_stream))

# What begins and what ends every script of an extension, written as it is.
vvault_LIBRARY = src/core/library.sql
vvault_stream_LIBRARY = src/core/stream_library.sql
LAST = src/start/revoke.sql

# The scripts that update, one from every released version straight to this one,
# and none from one released version to another: PostgreSQL takes the shortest
# way, so no update runs code of another time. Each is what is written by hand
# (before.sql, after.sql, and those of the versions between; stream_before.sql
# and stream_after.sql for vvault_stream), and in the middle what the rooms'
# files have that the released install script has not.
released = $(shell ls src/upgrade/released | sed -n 's/^$1--\(.*\)\.sql$$/\1/p' | sort -t . -k 1,1n -k 2,2n -k 3,3n)
vvault_RELEASED := $(call released,vvault)
vvault_stream_RELEASED := $(call released,vvault_stream)
rest = $(wordlist 2,$(words $1),$1)
later = $(if $(filter $1,$(firstword $2)),$(call rest,$2),$(if $2,$(call later,$1,$(call rest,$2))))
by_hand = $(foreach version,$(call later,$2,$($1_RELEASED)),$(wildcard src/upgrade/released/$(version).$3.sql)) src/upgrade/$3.sql
vvault_by_hand = $(call by_hand,vvault,$1,$2)
vvault_stream_by_hand = $(call by_hand,vvault_stream,$1,stream_$2)

fresh_scripts = $1--$(EXTVERSION).sql
update_scripts = $(patsubst %,$1--%--$(EXTVERSION).sql,$($1_RELEASED))
released_scripts = $(patsubst %,$1--%.sql,$($1_RELEASED))

DATA_built = $(foreach e,$(EXTENSION),$(call fresh_scripts,$e) $(call update_scripts,$e) $(call released_scripts,$e))
PG_CPPFLAGS = -I$(CURDIR)/src -DVVAULT_VERSION='"$(EXTVERSION)"'

# OpenSSL's libcrypto, which the server links, signs tokens and seals secrets.
# Without its headers all else is built, and what needs it says so.
LIBCRYPTO ?= $(shell pkg-config --exists libcrypto 2>/dev/null && echo yes)
ifeq ($(LIBCRYPTO),yes)
PG_CPPFLAGS += $(shell pkg-config --cflags libcrypto)
SHLIB_LINK += $(shell pkg-config --libs libcrypto)
else
PG_CPPFLAGS += -DWITHOUT_LIBCRYPTO
endif


REGRESS = $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
REGRESS_OPTS = --encoding=UTF8 --no-locale
ISOLATION = $(sort $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --outputdir=output_iso --encoding=UTF8
EXTRA_CLEAN = output_iso results regression.diffs regression.out $(DASHBOARD_ASSETS) $(WATCH_ASSETS) $(GONE) \
	worker/*.o worker/vvault-worker worker/vvault-worker.service

# The symbols that released scripts name and no source defines any more.
GONE = src/core/gone.inc

# Style and script of pages, as strings for their C.
DASHBOARD_ASSETS = src/ops/dashboard_assets.inc
WATCH_ASSETS = src/manifests/watch_assets.inc
AS_C_STRING = sed -e 's/[\\"]/\\&/g' -e 's/.*/	"&\\n" \\/'

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# The fields of a video in a page, from the one list of them: as a schema names
# them, and as a comment does.
VIDEO_FIELDS := $(shell sed -n 's/^[[:blank:]]X."\([a-z_0-9]*\)",.*/\1/p' src/feed/columns.h)
comma := ,
with_commas = $(subst $() $(),$(comma) ,$(strip $1))

FILLED = sed -e 's/@VERSION@/$(EXTVERSION)/g' -e 's/@EXTENSION@/$1/g' \
	-e 's/"@VIDEO_FIELDS@"/$(call with_commas,$(patsubst %,"%",$(VIDEO_FIELDS)))/g' \
	-e 's/@VIDEO_FIELDS@/$(call with_commas,$(VIDEO_FIELDS))/g'
BY_HAND = $(wildcard src/upgrade/*.* src/upgrade/released/*.*.sql)

define scripts_of
$(call fresh_scripts,$1): $$($1_PARTS) src/feed/columns.h vvault.control
	{ echo '/* $1 $(EXTVERSION): generated by make from src/, do not edit */'; \
	$(call FILLED,$1) $$($1_PARTS); } > $$@

$(call update_scripts,$1): $1--%--$(EXTVERSION).sql: src/upgrade/released/$1--%.sql $$($1_PARTS) src/feed/columns.h vvault.control $$(BY_HAND)
	{ echo '/* $1 $$* to $(EXTVERSION): generated by make from src/, do not edit */'; \
	$(call FILLED,$1) src/upgrade/begin.sql $$($1_LIBRARY) $$(call $1_by_hand,$$*,before); echo; \
	$(call FILLED,$1) $$(filter-out $$($1_LIBRARY) $$(LAST),$$($1_PARTS)) | awk -f src/upgrade/changes.awk $$< -; \
	$(call FILLED,$1) $$(call $1_by_hand,$$*,after) $$(LAST); } > $$@

# A released install script goes with the library of this build, so that is
# what its check has to ask for.
$(call released_scripts,$1): $1--%.sql: src/upgrade/released/$1--%.sql vvault.control
	sed -e '/^DO \$$$$library\$$$$$$$$/,/^\$$$$library\$$$$;$$$$/s/$$(subst .,\.,$$*)/$(EXTVERSION)/g' $$< > $$@
endef

$(foreach e,$(EXTENSION),$(eval $(call scripts_of,$e)))

$(OBJS): $(wildcard src/*/*.h) vvault.control

$(DASHBOARD_ASSETS): src/ops/dashboard.css src/ops/dashboard.js
	{ echo '/* generated by make from dashboard.css and dashboard.js */'; \
	printf '#define DASHBOARD_STYLE \\\n'; $(AS_C_STRING) src/ops/dashboard.css; echo; \
	printf '#define DASHBOARD_SCRIPT \\\n'; $(AS_C_STRING) src/ops/dashboard.js; echo; } > $@

$(WATCH_ASSETS): src/manifests/watch.css src/manifests/watch.js
	{ echo '/* generated by make from watch.css and watch.js */'; \
	printf '#define WATCH_STYLE \\\n'; $(AS_C_STRING) src/manifests/watch.css; echo; \
	printf '#define WATCH_SCRIPT \\\n'; $(AS_C_STRING) src/manifests/watch.js; echo; } > $@

src/manifests/watch.o src/manifests/watch.bc: $(WATCH_ASSETS)

src/ops/dashboard.o src/ops/dashboard.bc: $(DASHBOARD_ASSETS)

$(GONE): $(wildcard src/*/*.c src/upgrade/released/*.sql)
	{ echo '/* generated by make from the released scripts */'; \
	cat src/*/*.c src/upgrade/released/*--*.sql | \
	sed -n -e 's/^PG_FUNCTION_INFO_V1(\([a-z0-9_]*\)).*/\1 here/p' -e "s/.*'MODULE_PATHNAME', '\([a-z0-9_]*\)'.*/\1 named/p" | \
	LC_ALL=C sort -u | awk '$$2 == "here" { here = $$1 } $$2 == "named" && $$1 != here { print "GONE(" $$1 ")" }'; } > $@

src/core/gone.o src/core/gone.bc: $(GONE)

# The program that does the jobs of vvault_stream. It is no part of the server and
# wants libraries that a server does not; where they are not there, or where
# WITHOUT_WORKER is anything, all else is built.
WORKER_LIBRARIES = libcurl jansson libcrypto
WORKER_OBJS = $(patsubst %.c,%.o,$(sort $(wildcard worker/*.c)))
WORKER_FLAGS = -D_GNU_SOURCE -DVVAULT_VERSION='"$(EXTVERSION)"' -I$(includedir) \
	$(shell pkg-config --cflags $(WORKER_LIBRARIES) 2>/dev/null)
SYSTEMD_UNIT_DIR ?= $(if $(filter /usr/%,$(bindir)),/usr/local/lib,$(prefix)/lib)/systemd/system

ifeq ($(WITHOUT_WORKER)$(shell pkg-config --exists $(WORKER_LIBRARIES) 2>/dev/null && echo yes),yes)

all: worker/vvault-worker worker/vvault-worker.service
install: install-worker
uninstall: uninstall-worker

worker/%.o: worker/%.c $(wildcard worker/*.h) vvault.control
	$(CC) $(CFLAGS) $(WORKER_FLAGS) -c -o $@ $<

worker/vvault-worker: $(WORKER_OBJS)
	$(CC) $(CFLAGS) $(WORKER_OBJS) $(LDFLAGS) $(libpq) $(shell pkg-config --libs $(WORKER_LIBRARIES)) -lm -o $@

worker/vvault-worker.service: worker/vvault-worker.service.in
	sed -e 's|@BINDIR@|$(bindir)|g' $< > $@

install-worker: all
	$(MKDIR_P) '$(DESTDIR)$(bindir)' '$(DESTDIR)$(mandir)/man1' '$(DESTDIR)$(SYSTEMD_UNIT_DIR)'
	$(INSTALL_PROGRAM) worker/vvault-worker '$(DESTDIR)$(bindir)/'
	$(INSTALL_DATA) worker/vvault-worker.1 '$(DESTDIR)$(mandir)/man1/'
	$(INSTALL_DATA) worker/vvault-worker.service '$(DESTDIR)$(SYSTEMD_UNIT_DIR)/'

uninstall-worker:
	rm -f '$(DESTDIR)$(bindir)/vvault-worker' '$(DESTDIR)$(mandir)/man1/vvault-worker.1' \
		'$(DESTDIR)$(SYSTEMD_UNIT_DIR)/vvault-worker.service'

.PHONY: install-worker uninstall-worker

else

all: worker-left-out
worker-left-out:
	@echo 'vvault-worker is left out: $(if $(WITHOUT_WORKER),WITHOUT_WORKER says so,pkg-config does not find all of $(WORKER_LIBRARIES))'
.PHONY: worker-left-out

endif

endif
