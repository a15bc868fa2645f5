# vecstore: PGXS build of the extension. `make && make install && make installcheck`.
# The pure core also builds without Postgres, for unit tests: see CMakeLists.txt.

EXTENSION = vecstore
MODULE_big = vecstore
DATA = $(wildcard sql/vecstore--*.sql)

SOURCES = $(wildcard src/*.cpp) $(wildcard src/core/*/*.cpp) $(wildcard src/pg/*.cpp) \
          $(wildcard src/types/*.cpp) $(wildcard src/am/*.cpp) $(wildcard src/import/*.cpp)
OBJS = $(SOURCES:.cpp=.o)

# Inputs of pg_regress are the files of sql/ that are not install scripts.
REGRESS = $(sort $(patsubst sql/%.sql,%,$(filter-out $(DATA),$(wildcard sql/*.sql))))
REGRESS_OPTS = --inputdir=. --load-extension=vecstore

ISOLATION = $(sort $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --outputdir=output_iso --load-extension=vecstore

# Portable: baseline CPU flags only; SIMD kernels are chosen when the library is loaded.
# pgvector may be loaded into the same backend, with symbols of the same names:
# nothing is visible but what is marked so, and our own references bind to ourselves.
PG_CPPFLAGS = -I$(srcdir)/src
PG_CXXFLAGS = -std=c++17 -O3 -fvisibility=hidden -fno-math-errno -fno-semantic-interposition -MMD -MP \
              -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-register -Wno-missing-field-initializers
SHLIB_LINK = -lhwy -lstdc++ -lm -lpthread -Wl,-Bsymbolic -Wl,--exclude-libs,ALL

EXTRA_CLEAN = $(SOURCES:.cpp=.d) build output_iso results

# No bitcode: keeps clang out of the build.
override with_llvm = no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

-include $(SOURCES:.cpp=.d)
