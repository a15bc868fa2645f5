# vecstore: PGXS build of the extension. `make help` lists the targets.
# The pure core also builds without Postgres, for unit tests: see CMakeLists.txt.

EXTENSION = vecstore
MODULE_big = vecstore
VECSTORE_VERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(or $(srcdir),.)/vecstore.control)
DATA = $(wildcard sql/vecstore--*.sql)

# The sources below a folder, which has folders of up to three levels.
cpp_below = $(wildcard $(foreach depth,* */* */*/*,$(1)/$(depth).cpp))

SOURCES = $(wildcard src/*.cpp) $(foreach folder,core pg types am import,$(call cpp_below,src/$(folder)))
OBJS = $(SOURCES:.cpp=.o)

# Inputs of pg_regress are the files of sql/ that are not install scripts.
REGRESS = $(sort $(patsubst sql/%.sql,%,$(filter-out $(DATA),$(wildcard sql/*.sql))))
# Texts of the tests are UTF-8, whatever the cluster has.
REGRESS_OPTS = --inputdir=. --load-extension=vecstore --encoding=UTF8 --no-locale

ISOLATION = $(sort $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --outputdir=output_iso --load-extension=vecstore

# Portable: baseline CPU flags only; SIMD kernels are chosen when the library is loaded.
# pgvector may be loaded into the same backend, with symbols of the same names:
# nothing is visible but what is marked so, and our own references bind to ourselves.
PG_CPPFLAGS = -I$(srcdir)/src
PG_CXXFLAGS = -std=c++17 -O3 -fvisibility=hidden -fno-math-errno -fno-semantic-interposition -MMD -MP \
              -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-register -Wno-missing-field-initializers
SHLIB_LINK = -lhwy -lsqlite3 -lz -lstdc++ -lm -lpthread -Wl,-Bsymbolic -Wl,--exclude-libs,ALL

# Sanitizers to build with, as for CMake: make VECSTORE_SANITIZE=address,undefined. The server has to be started with their
# libraries preloaded: test/run asan_server.
ifdef VECSTORE_SANITIZE
PG_CXXFLAGS += -O1 -fsanitize=$(VECSTORE_SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
SHLIB_LINK += -fsanitize=$(VECSTORE_SANITIZE)
endif

# vecstore-load, the client's side: the same readers, and libpq instead of the server. See below.
CLIENT_PROGRAM = build/vecstore-load
CLIENT_SOURCES = $(wildcard src/client/*.cpp)
CLIENT_OBJS = $(CLIENT_SOURCES:.cpp=.o) \
              $(patsubst %.cpp,%.o,$(foreach part,distance io stores,$(call cpp_below,src/core/$(part))))

EXTRA_CLEAN = $(SOURCES:.cpp=.d) $(CLIENT_SOURCES:.cpp=.o) $(CLIENT_SOURCES:.cpp=.d) build output_iso results

# No bitcode: keeps clang out of the build.
override with_llvm = no

PG_CONFIG ?= pg_config

# Goals that need no PostgreSQL. (PGXS has a `check` of its own, which only says that there is none.)
PLAIN_GOALS = help check lint format tidy sql
ifneq ($(filter-out $(PLAIN_GOALS),$(or $(MAKECMDGOALS),all)),)
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
else
check:
	test/run
endif

-include $(SOURCES:.cpp=.d) $(CLIENT_SOURCES:.cpp=.d)

## make                 builds the extension
## make install         installs it into the server of PG_CONFIG (DESTDIR=folder: into a staging folder)
## make installcheck    runs the regression and isolation tests on a server that runs
## make client          builds the program vecstore-load; make install-client, make uninstall-client
## make shim            makes the extension named vector; make install-shim, make uninstall-shim
## make clean           removes everything that was built
## make check           runs all tests on throw-away servers (= test/run)
## make lint            runs the checks of the sources' text (= test/lint)
## make format          formats the C++ sources as .clang-format says
## make tidy            runs clang-tidy, which takes long (FILES='src/core/base/*.cpp': on some sources)
## make sql             assembles sql/vecstore--VERSION.sql from the parts in src/sql
## make help            lists these targets
help:
	@sed -n 's/^## //p' Makefile

lint:
	test/lint

format:
	find src test -name '*.[ch]pp' -print0 | xargs -0 clang-format -i

FILES = $(shell find src -name '*.cpp')
tidy:
	printf '%s\n' $(FILES) | xargs -P $$(nproc) -I '{}' clang-tidy --quiet '{}' -- -std=c++17 -Isrc \
	    -isystem $$($(PG_CONFIG) --includedir-server) -isystem $$($(PG_CONFIG) --includedir) \
	    -DVECSTORE_VERSION='"$(VECSTORE_VERSION)"'

# The install script of this version. Those of the versions before stay as they are for ever.
SQL_SCRIPT = sql/vecstore--$(VECSTORE_VERSION).sql
SQL_PARTS = $(patsubst %,src/sql/%.sql,start types access_method filters import stores export maintenance \
                                       beside_pgvector migration)

sql:
	awk -v version=$(VECSTORE_VERSION) -f src/sql/assemble.awk $(SQL_PARTS) > $(SQL_SCRIPT).part
	mv $(SQL_SCRIPT).part $(SQL_SCRIPT)

.PHONY: $(PLAIN_GOALS)

# The program: `make client`, `make install-client`. Needs libpq's headers, and no server.
client: $(CLIENT_PROGRAM)

src/client/%.o: override CPPFLAGS += -I$(includedir) -DVECSTORE_VERSION='"$(VECSTORE_VERSION)"'
src/client/main.o: vecstore.control

# The readers' libraries are those of the extension.
$(CLIENT_PROGRAM): $(CLIENT_OBJS)
	mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) $^ -L$(libdir) -lpq $(filter -l%,$(SHLIB_LINK)) -o $@

install-client: client
	$(MKDIR_P) '$(DESTDIR)$(bindir)'
	$(INSTALL_PROGRAM) $(CLIENT_PROGRAM) '$(DESTDIR)$(bindir)/'

uninstall-client:
	rm -f '$(DESTDIR)$(bindir)/$(notdir $(CLIENT_PROGRAM))'

.PHONY: client install-client uninstall-client

# The shim: all of vecstore as an extension named `vector`, for clients that insist on that name. Its script is
# vecstore's own under another name, but for the import's tables of state: a dump with their rows would not restore where the
# extension is pgvector. Installed only when asked for: the name is pgvector's.
#
# Its version is that of pgvector, whatever vecstore's is, for clients ask for it. So there is no newer version to update to,
# and an update goes by the name of vecstore's version, from `vector` 0.8.6 and back to it:
#     ALTER EXTENSION vector UPDATE TO 'vecstore-0.2.0'; ALTER EXTENSION vector UPDATE;
SHIM_VERSION = 0.8.6
SHIM_CONTROL = build/shim/vector.control
SHIM_SCRIPT = build/shim/vector--$(SHIM_VERSION).sql
SHIM_UPDATE = build/shim/vector--$(SHIM_VERSION)--vecstore-$(VECSTORE_VERSION).sql
SHIM_RETURN = build/shim/vector--vecstore-$(VECSTORE_VERSION)--$(SHIM_VERSION).sql
SHIM_FILES = $(SHIM_CONTROL) $(SHIM_SCRIPT) $(SHIM_UPDATE) $(SHIM_RETURN)
EXTENSION_DIR = $(DESTDIR)$(datadir)/extension

shim: $(SHIM_FILES)

$(SHIM_CONTROL): vecstore.control Makefile
	mkdir -p $(@D)
	sed -e "s/^default_version = .*/default_version = '$(SHIM_VERSION)'/" \
	    -e "s/^comment = '\(.*\)'/comment = '\1 (vecstore under the name of pgvector)'/" $< > $@

$(SHIM_SCRIPT): $(SQL_SCRIPT) Makefile
	mkdir -p $(@D)
	sed -e '1s/.*/-- Generated from $(<F)./' -e '/pg_extension_config_dump/d' \
	    -e 's/"CREATE EXTENSION vecstore"/"CREATE EXTENSION vector"/' $< > $@

# vecstore's own update in the place of @UPDATE@.
$(SHIM_UPDATE): src/sql/shim_update.sql sql/vecstore--0.1.0--$(VECSTORE_VERSION).sql Makefile
	mkdir -p $(@D)
	sed -e '/^\\echo/d' $(word 2,$^) > $@.body
	sed -e '/@UPDATE@/{r $@.body' -e 'd;}' $< > $@
	rm $@.body

$(SHIM_RETURN): Makefile
	mkdir -p $(@D)
	echo '-- This version is vecstore $(VECSTORE_VERSION): nothing is to be done.' > $@

# Files of the shim name vecstore, which pgvector's do not.
install-shim: shim
	@for file in '$(EXTENSION_DIR)'/vector.control '$(EXTENSION_DIR)'/vector--*.sql; do \
	    if [ -e "$$file" ] && ! grep -q vecstore "$$file"; then \
	        echo "$$file is pgvector's: the shim does not overwrite it. Remove pgvector first." >&2; exit 1; \
	    fi; \
	done
	$(MKDIR_P) '$(EXTENSION_DIR)'
	$(INSTALL_DATA) $(SHIM_FILES) '$(EXTENSION_DIR)/'

uninstall-shim:
	@if [ -e '$(EXTENSION_DIR)/vector.control' ] && ! grep -q vecstore '$(EXTENSION_DIR)/vector.control'; then \
	    echo "$(EXTENSION_DIR)/vector.control is pgvector's: nothing is removed." >&2; exit 1; \
	fi
	rm -f $(patsubst %,'$(EXTENSION_DIR)/%',$(notdir $(SHIM_FILES)))

.PHONY: shim install-shim uninstall-shim
