# Carrel. Two commands: `make run` and `make check` install what is missing, build, and go.
# One non-recursive Makefile; quiet unless V=1.

BUILD   ?= build
CC      ?= cc
SUDO    := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
Q       := $(if $(V),,@)

# ── what Debian has to have: one list for Debian 12 and 13, the two differences below ──
PACKAGES := build-essential pkg-config libuv1-dev libsqlite3-dev libfaiss-dev \
	libopenblas-serial-dev libpoppler-glib-dev libcairo2-dev poppler-data libstemmer-dev \
	libgumbo-dev libcmark-gfm-dev libcmark-gfm-extensions-dev libinih-dev libsodium-dev \
	libseccomp-dev libzstd-dev libcurl4-openssl-dev libicu-dev libuchardet-dev libmagic-dev \
	zlib1g-dev libzip-dev libxml2-dev libgmime-3.0-dev libgsf-1-dev libtesseract-dev libleptonica-dev \
	tesseract-ocr-osd tesseract-ocr-eng tesseract-ocr-deu tesseract-ocr-chi-sim \
	libjansson-dev libpango1.0-dev fontconfig fonts-dejavu-core fonts-liberation2 \
	fonts-noto-cjk ca-certificates nodejs npm
CHECK_PACKAGES := libcmocka-dev python3 poppler-utils tesseract-ocr qpdf sqlite3 clang clang-format curl chromium
LLHTTP_PACKAGE := $(shell . /etc/os-release && [ "$${VERSION_ID%%.*}" = 12 ] && echo node-llhttp || echo libllhttp-dev)

PKGS := libuv sqlite3 poppler-glib cairo libsodium libseccomp libzstd libcurl icu-uc icu-i18n \
	uchardet libmagic jansson gumbo libzip libxml-2.0 gmime-3.0 libgsf-1 tesseract lept zlib

OPT      ?= -O2
WARN     := -Wall -Wextra -Wshadow -Wvla -Werror
# Tables of SQL are texts of many pieces; macros of libseccomp leave fields out.
WARN     += $(if $(findstring clang,$(CC)),-Wno-string-concatenation -Wno-missing-field-initializers)
CFLAGS   ?= -g $(OPT)
PKG_CF    = $(shell pkg-config --cflags $(PKGS) 2>/dev/null | sed 's/-I/-isystem /g')
PKG_LD    = $(shell pkg-config --libs $(PKGS) 2>/dev/null)
ALL_CF    = -std=c11 -D_GNU_SOURCE -I. -I$(BUILD)/gen $(WARN) $(CFLAGS) $(PKG_CF) $(SAN) -MMD -MP -pthread
LIBS      = $(FAISS_LIBS) $(PKG_LD) $(LLHTTP_LIBS) -linih -lstemmer -lcmark-gfm-extensions -lcmark-gfm \
	-lm -ldl -pthread

# FAISS: Debian 13 has the C API as a library; on Debian 12 our one C++ file stands in for it.
HAVE_FAISS_C := $(wildcard /usr/lib/*/libfaiss_c.a /usr/lib/libfaiss_c.a)
FAISS_LIBS    = $(if $(HAVE_FAISS_C),-lfaiss_c) -lfaiss -lopenblas -lstdc++ -lgomp
# llhttp: Debian 13 has the library, Debian 12 its C sources under /usr/share.
LLHTTP_SRC   := $(if $(wildcard /usr/lib/*/libllhttp.so),,$(wildcard /usr/share/llhttp/*.c))
LLHTTP_LIBS   = $(if $(LLHTTP_SRC),,-lllhttp)
LLHTTP_CF     = $(if $(LLHTTP_SRC),-isystem /usr/share/include/llhttp -isystem /usr/share/llhttp)
ALL_CF       += $(LLHTTP_CF)

SRC  := $(filter-out chat/main.c,$(wildcard index/base/*.c index/*.c ingest/*.c retrieve/*.c \
	chat/*.c chat/http/*.c chat/cli/*.c))
OBJ  := $(SRC:%.c=$(BUILD)/%.o) $(if $(HAVE_FAISS_C),,$(patsubst %.cpp,$(BUILD)/%.o,$(wildcard index/*.cpp))) \
	$(LLHTTP_SRC:/usr/share/llhttp/%.c=$(BUILD)/llhttp/%.o) $(BUILD)/gen/assets.o \
	$(if $(findstring thread,$(SAN)),$(BUILD)/tests/tsan.o)
# Files that the binary carries: build/gen/<path with _>.h holds `static const unsigned char …[]`.
EMBED := $(wildcard index/schema.sql index/migrate/*.sql chat/http/openapi.json)
GEN   := $(foreach f,$(EMBED),$(BUILD)/gen/$(subst /,_,$(f)).h)

UNIT  := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(shell find tests/unit -name 'test_*.c' 2>/dev/null))

.PHONY: all build run check unit flow browser quality fault fault-short lint format asan asan-build asan-alloc asan-unit tsan sanitized clang parts fuzz fuzz-short fuzz-build bench bench-scale bench-lexical fixtures screenshots clean deps check-deps
.DEFAULT_GOAL := build
.SECONDARY:

build: $(BUILD)/carrel
all: build $(UNIT)

# ── set-up ──
STAMP_RUN   := $(BUILD)/.deps-run
STAMP_CHECK := $(BUILD)/.deps-check
deps: $(STAMP_RUN)
check-deps: $(STAMP_RUN) $(STAMP_CHECK)

$(STAMP_RUN): Makefile
	$(Q)mkdir -p $(BUILD)
	$(Q)tests/install.sh $(PACKAGES) $(LLHTTP_PACKAGE)
	$(Q)touch $@
$(STAMP_CHECK): Makefile
	$(Q)mkdir -p $(BUILD)
	$(Q)tests/install.sh $(CHECK_PACKAGES)
	$(Q)touch $@

# ── compile ──
$(BUILD)/%.o: %.c $(GEN)
	$(Q)mkdir -p $(@D)
	$(if $(V),,@echo "  CC    $<")
	$(Q)$(CC) $(ALL_CF) -c -o $@ $<

# malloc itself is called before a sanitizer is there; a fuzzer's is linked in, and stays alone. The
# leak checker looks for who called it.
$(BUILD)/index/base/alloc.o: override SAN := $(if $(findstring fuzzer,$(SAN)),-DALLOC_PLAIN,$(if $(SAN),-fno-omit-frame-pointer))

$(BUILD)/index/faiss_c_compat.o: index/faiss_c_compat.cpp
	$(Q)mkdir -p $(@D)
	$(if $(V),,@echo "  CXX   $<")
	$(Q)$(CXX) -std=c++17 $(WARN) $(CFLAGS) $(SAN) -MMD -MP -I. -isystem /usr/include/faiss/c_api -c -o $@ $<

$(BUILD)/llhttp/%.o: /usr/share/llhttp/%.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -w -DLLHTTP_STRICT_MODE=1 $(LLHTTP_CF) -c -o $@ $<

# A text file as a C array (with a NUL after it).
define embed_rule
$(BUILD)/gen/$(subst /,_,$(1)).h: $(1) Makefile
	$$(Q)mkdir -p $$(@D)
	$$(Q)(echo "static const unsigned char embed_$(subst -,_,$(subst .,_,$(subst /,_,$(1))))[] = {"; \
		od -An -v -tu1 $$< | sed 's/[0-9][0-9]*/&,/g'; echo "0};") >$$@
endef
$(foreach f,$(EMBED),$(eval $(call embed_rule,$(f))))

# The web page: bundled by esbuild, then C arrays.
PAGE := $(shell find chat/ui -path chat/ui/node_modules -prune -o -type f -print)
NPM_CI = npm ci --prefix $(1) --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null

%/node_modules/.package-lock.json: %/package-lock.json
	$(if $(V),,@echo "  NPM   $*")
	$(Q)$(call NPM_CI,$*) && touch $@

$(BUILD)/gen/assets.c: chat/ui/node_modules/.package-lock.json $(PAGE)
	$(if $(V),,@echo "  PAGE  chat/ui")
	$(Q)node chat/ui/build.mjs $(BUILD)/page $@

$(BUILD)/gen/assets.o: $(BUILD)/gen/assets.c chat/assets.h
	$(Q)$(CC) $(ALL_CF) -c -o $@ $<

$(BUILD)/libcarrel.a: $(OBJ)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/carrel: $(BUILD)/chat/main.o $(BUILD)/libcarrel.a
	$(if $(V),,@echo "  LD    $@")
	$(Q)$(CC) $(ALL_CF) -o $@ $(BUILD)/chat/main.o $(BUILD)/libcarrel.a $(LIBS)

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/libcarrel.a
	$(if $(V),,@echo "  LD    $@")
	$(Q)$(CC) $(ALL_CF) -o $@ $< $(BUILD)/libcarrel.a -lcmocka $(LIBS)

# ── run ──
# DATA=data LISTEN=127.0.0.1:8360
run: deps
	$(Q)$(MAKE) -s --no-print-directory -j$$(nproc) build
	$(Q)CARREL=$(BUILD)/carrel fixtures/demo.sh

# The fixtures' PDFs from their sources, the broken ones, and the check that every answer is in them.
fixtures: check-deps
	$(Q)$(CC) -std=c11 -O2 $(WARN) fixtures/make_pdf.c -o $(BUILD)/make_pdf $$(pkg-config --cflags --libs pangocairo)
	$(Q)cd fixtures/source && for f in */*.md; do $(abspath $(BUILD)/make_pdf) $$f ../documents/$${f%.md}.pdf || exit 1; done
	$(Q)fixtures/check.sh
	$(Q)$(CC) -std=c11 -O2 $(WARN) fixtures/make_scan.c -o $(BUILD)/make_scan $$(pkg-config --cflags --libs pangocairo lept) -lm
	$(Q)$(BUILD)/make_scan fixtures/scans
	$(Q)for f in fixtures/formats/make_*.py; do python3 $$f fixtures/formats || exit 1; done
	$(Q)fixtures/broken/make.sh

# ── test ──
FLOW    := $(sort $(wildcard tests/flow/*.test.mjs))
QUALITY := $(sort $(wildcard tests/quality/*.test.mjs))
BROWSER := $(sort $(wildcard tests/browser/*.test.mjs))
FAULT   := $(sort $(wildcard tests/fault/*.test.mjs))
FAULT_PARTS := $(BUILD)/tests/fault/mutants $(BUILD)/tests/fault/faults.so $(BUILD)/tests/fault/power.so \
	$(BUILD)/tests/unit/chat/test_model_faults

# Chance has a seed of the commit there, unless SEED is given: the same commit is tried in the same way.
SEED_GIVEN := $(if $(filter command environment,$(firstword $(origin SEED))),$(SEED))
COMMIT_SEED = $$(printf %d 0x1$$(git rev-parse HEAD 2>/dev/null | cut -c 1-7))
check: check-deps
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) build $(UNIT) $(FAULT_PARTS) \
		chat/ui/node_modules/.package-lock.json tests/browser/node_modules/.package-lock.json
	$(Q)rm -rf $(BUILD)/results build/asan/results build/fuzz/results
	+$(Q)failed=; BUILD=$(BUILD) MAKE="$(MAKE)" SEED=$(or $(SEED_GIVEN),$(COMMIT_SEED)) tests/check.sh || failed=1; \
	tests/sum.sh $(BUILD)/results build/asan/results build/fuzz/results && [ -z "$$failed" ]

unit: $(UNIT)
	$(Q)BUILD=$(BUILD) tests/run.sh -j 2 unit $(UNIT)
flow: build
	$(Q)BUILD=$(BUILD) tests/run.sh -j 2 flow $(FLOW)
browser: build tests/browser/node_modules/.package-lock.json
	$(Q)BUILD=$(BUILD) tests/run.sh -j 2 browser $(BROWSER)
quality: build
	$(Q)BUILD=$(BUILD) tests/run.sh -j 2 quality $(QUALITY)
fault: build $(FAULT_PARTS) $(BUILD)/tests/unit/index/test_damage
	$(Q)failed=; BUILD=$(BUILD) QUERIES=$(QUERIES) KILLS=$(KILLS) DAMAGES=1 POWER_TRIALS=1000000 FAULT_STEP=1 ALLOCATIONS=all CUTS=all TEST_TIMEOUT=7200 tests/run.sh -j 2 fault \
		$(FAULT) $(BUILD)/tests/fault/mutants $(BUILD)/tests/unit/chat/test_model_faults $(BUILD)/tests/unit/index/test_damage || failed=1; \
	$(MAKE) --no-print-directory asan-alloc ALLOCATIONS=40 || failed=1; [ -z "$$failed" ]
QUERIES ?= 1000000
KILLS   ?= 500
fault-short: build $(FAULT_PARTS) # what CI runs of it
	$(Q)BUILD=$(BUILD) tests/run.sh -j 2 fault $(FAULT) $(BUILD)/tests/fault/mutants
$(BUILD)/tests/fault/%: $(BUILD)/tests/fault/%.o $(BUILD)/libcarrel.a
	$(if $(V),,@echo "  LD    $@")
	$(Q)$(CC) $(ALL_CF) -o $@ $< $(BUILD)/libcarrel.a $(LIBS)
# Preloaded: system calls and allocations that fail where a test says.
$(BUILD)/tests/fault/%.so: tests/fault/%.c tests/fault/interpose.h
	$(Q)mkdir -p $(@D)
	$(if $(V),,@echo "  CC    $<")
	$(Q)$(CC) -std=c11 -g -O2 $(WARN) -I. -shared -fPIC -o $@ $< -ldl -pthread
lint: chat/ui/node_modules/.package-lock.json tests/browser/node_modules/.package-lock.json
	$(Q)BUILD=$(BUILD) tests/run.sh lint tests/lint.sh

# The same tests under sanitizers, in folders of their own.
ASAN := BUILD=build/asan OPT=-O1 \
	SAN="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
asan: check-deps
	$(Q)$(MAKE) --no-print-directory $(ASAN) sanitized
asan-build:
	$(Q)$(MAKE) -s --no-print-directory -j$$(nproc) $(ASAN) all >/dev/null
asan-alloc: # allocations that fail, with their leaks counted
	$(Q)$(MAKE) -s --no-print-directory -j$$(nproc) $(ASAN) build build/asan/tests/fault/faults.so
	$(Q)BUILD=build/asan ALLOCATIONS=$(or $(ALLOCATIONS),1) TEST_TIMEOUT=7200 \
		tests/run.sh asan-alloc tests/fault/32_every_allocation.test.mjs
asan-unit: # what CI runs of it
	$(Q)rm -rf build/asan/results
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) $(ASAN) unit
tsan: check-deps
	$(Q)$(MAKE) --no-print-directory BUILD=build/tsan OPT=-O1 SAN="-fsanitize=thread" sanitized
sanitized:
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) build $(UNIT)
	$(Q)rm -rf $(BUILD)/results
	$(Q)failed=; for suite in unit flow; do $(MAKE) --no-print-directory $$suite || failed=1; done; \
	tests/sum.sh $(BUILD)/results && [ -z "$$failed" ]

# libFuzzer over the parsers of our own and the readers of every format, two at a time; a finding is left
# in build/fuzz/found. `make fuzz`: FUZZ_SECONDS each, each run with another seed and what those before
# learned; SEED=5 again with that seed and nothing learned. In `make check` a fixed number of inputs.
FUZZ_SECONDS ?= 60
FUZZ     := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(filter index/% ingest/%,$(SRC)) chat/model_sse.c chat/model_chunk.c \
	chat/cite.c chat/support.c chat/sentence.c chat/cli/events.c retrieve/query.c retrieve/query_date.c \
	$(filter-out %/server.c,$(wildcard chat/http/*.c))) $(LLHTTP_SRC:/usr/share/llhttp/%.c=$(BUILD)/llhttp/%.o) \
	$(if $(HAVE_FAISS_C),,$(patsubst %.cpp,$(BUILD)/%.o,$(wildcard index/*.cpp)))
fuzz: check-deps $(BUILD)/tests/fault/mutants
	$(Q)MUTANTS_SECONDS=0 $(BUILD)/tests/fault/mutants
	$(Q)$(MAKE) --no-print-directory fuzz-build
	$(Q)FRESH=$(SEED_GIVEN) tests/fuzz/run.sh $(or $(SEED_GIVEN),$$(shuf -i 1-2000000000 -n 1)) $(FUZZ_SECONDS) $(FUZZ_TARGETS)
fuzz-short: fuzz-build # what CI runs of it
	$(Q)tests/fuzz/run.sh $(or $(SEED_GIVEN),$(COMMIT_SEED)) 0 $(FUZZ_TARGETS)
fuzz-build: build
	$(Q)tests/install.sh clang libclang-rt-dev
	$(Q)rm -rf build/fuzz/results build/fuzz/seeds
	$(Q)$(MAKE) -s --no-print-directory -j$$(nproc) BUILD=build/fuzz CC="$(FUZZ_CC)" CXX=clang++ OPT=-O1 \
		SAN="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined" \
		$(FUZZ:%=build/fuzz/tests/fuzz/fuzz_%)
	$(Q)tests/fuzz/seeds.py $(BUILD)/carrel build/fuzz/seeds >build/fuzz/formats
FUZZ_TARGETS = $(filter-out format,$(FUZZ)) $$(cat build/fuzz/formats)
FUZZ_CC ?= clang
$(BUILD)/libfuzzed.a: $(FUZZ_OBJ)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(BUILD)/tests/fuzz/fuzz_format: WRAP := -Wl,--wrap=_exit
$(BUILD)/tests/fuzz/fuzz_http $(BUILD)/tests/fuzz/fuzz_multipart: WRAP := -Wl,--wrap=exchange_submit,--wrap=id_create
$(BUILD)/tests/fuzz/fuzz_fts: WRAP := -lcmocka -fsanitize-link-c++-runtime
$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/libfuzzed.a
	$(if $(V),,@echo "  LD    $@")
	$(Q)$(CC) $(ALL_CF) -fsanitize=fuzzer -o $@ $< $(BUILD)/libfuzzed.a $(LIBS) $(WRAP)

clang: check-deps
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) BUILD=build/clang CC=clang CXX=clang++ all parts
parts: $(FAULT_PARTS) $(BUILD)/tests/scale/bench_scale

# Speed, memory and quality, as ratios within one run; BENCH=formats: one section.
bench: check-deps
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) build $(BUILD)/tests/quality/sandbox_cost \
		$(patsubst %,$(BUILD)/tests/scale/%,bench_scale upstream reader)
	$(Q)BUILD=$(BUILD) BENCH="$(BENCH)" node tests/quality/bench.mjs
$(BUILD)/tests/quality/%: $(BUILD)/tests/quality/%.o $(BUILD)/libcarrel.a
	$(if $(V),,@echo "  LD    $@")
	$(Q)$(CC) $(ALL_CF) -o $@ $< $(BUILD)/libcarrel.a $(LIBS)

# A million made-up chunks on this machine: N=100000 for a quick look, SEED, UNEVEN=1 for topics of
# uneven sizes, BENCH="made trained search conditions cost ingest delete server" and, of a server from
# outside, "check kill reembed documents": sections. The corpus stays in build/scale/ for the next run.
N    ?= 1000000
SEED ?= 5
bench-scale: check-deps
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) build $(BUILD)/tests/scale/bench_scale
	$(Q)BENCH="$(BENCH)" $(BUILD)/tests/scale/bench_scale $(BUILD)/carrel $(BUILD)/scale $(N) $(SEED) $(if $(UNEVEN),uneven)
	$(Q)[ -z "$(OUTSIDE)" ] || BUILD=$(BUILD) node tests/scale/server.mjs \
		$(BUILD)/scale/$(N)-$(SEED)$(if $(UNEVEN),-uneven) $(OUTSIDE)
	$(Q)[ -n "$(BENCH)" ] || $(MAKE) --no-print-directory bench-lexical
OUTSIDE = $(filter check kill reembed documents,$(or $(BENCH),check kill reembed documents))
$(BUILD)/tests/scale/bench_%: $(BUILD)/tests/scale/bench_%.o $(patsubst %,$(BUILD)/tests/scale/%.o,\
		generate workspace changes recall searching conditions flat) $(BUILD)/libcarrel.a
	$(if $(V),,@echo "  LD    $@")
	$(Q)$(CC) $(ALL_CF) -o $@ $(filter %.o,$^) $(BUILD)/libcarrel.a $(LIBS)

# A model of fixed behaviour and its readers, for the section streams.
$(BUILD)/tests/scale/upstream $(BUILD)/tests/scale/reader: $(BUILD)/tests/scale/%: tests/scale/%.c
	$(Q)mkdir -p $(@D)
	$(if $(V),,@echo "  CC    $<")
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(WARN) -g -O2 $(SAN) -o $@ $<

# Full text of the same corpus against FTS5's own ranking and against Xapian, which is only for this.
# QUESTIONS=50 for a quick look.
QUESTIONS ?= 400
bench-lexical: check-deps
	$(Q)tests/install.sh libxapian-dev
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) $(BUILD)/tests/scale/lexical
	$(Q)mkdir -p $(BUILD)/scale/lexical-$(N)
	$(Q)$(BUILD)/tests/scale/lexical compare $(BUILD)/scale/lexical-$(N) made:$(N) made:$(N):$(QUESTIONS)
$(BUILD)/tests/scale/xapian.o $(BUILD)/tests/scale/flat.o: $(BUILD)/%.o: %.cpp
	$(Q)mkdir -p $(@D)
	$(if $(V),,@echo "  CXX   $<")
	$(Q)$(CXX) -std=c++17 $(WARN) $(CFLAGS) $(SAN) -MMD -MP -I. -c -o $@ $<
$(BUILD)/tests/scale/lexical: $(patsubst %,$(BUILD)/tests/scale/%.o,lexical xapian generate) $(BUILD)/libcarrel.a
	$(if $(V),,@echo "  LD    $@")
	$(Q)$(CC) $(ALL_CF) -o $@ $(filter %.o,$^) $(BUILD)/libcarrel.a -lxapian $(LIBS)

# The page's main states as pictures: build/screenshots/ to look at, two in fixtures/ for the README.
screenshots: check-deps
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) build tests/browser/node_modules/.package-lock.json
	$(Q)BUILD=$(BUILD) node tests/browser/screenshots.mjs

format:
	$(Q)git ls-files -co --exclude-standard '*.c' '*.h' '*.cpp' | xargs clang-format -i

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
