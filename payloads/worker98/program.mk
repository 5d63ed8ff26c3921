# Built as the agent is: see agent98/program.mk. AGENT98W.EXE has much of it.
FLAVOURS_worker98 := win32 hosted asan
CFLAGS_worker98 := $(CFLAGS_agent98) -Iagent98
CFLAGS_win32_worker98 := $(CFLAGS_win32_agent98)
LDFLAGS_win32_worker98 = $(LDFLAGS_win32_agent98)
LDLIBS_win32_worker98 := -luser32 -lgdi32 -lwsock32

# It includes sources of the agent.
$(foreach f,win32 hosted asan,$(call OBJECTS,$(f),worker98) $(OUT)/$(f)/worker98/tests/fuzz.o): $(wildcard agent98/*.[ch])

# Programs around the worker's units:
#   worker98-unit   known answers; hosted and under the sanitizers
#   worker98-fuzz   a hostile server, under the sanitizers
WORKER98_UNITS = $(filter-out %/main.o,$(call OBJECTS,$(1),worker98))

define WORKER98_TOOL
$(OUT)/$(1)/worker98-$(2): $(OUT)/$(1)/worker98/tests/$(2).o $(call WORKER98_UNITS,$(1)) $(OUT)/$(1)/worker98/platform.a
	$$(COMPILER_$(1)) $$(LDFLAGS_$(1)) -o $$@ $$^ $$(LDLIBS_$(1))
endef
$(foreach f,hosted asan,$(eval $(call WORKER98_TOOL,$(f),unit)))
# The fuzzer brings a machine of its own.
$(OUT)/asan/worker98/tests/fuzz.o: worker98/machine_hosted.c agent98/machine_hosted.c agent98/tests/hostile.h agent98/tests/hostile_names.h
$(OUT)/asan/worker98-fuzz: $(OUT)/asan/worker98/tests/fuzz.o \
		$(filter-out %/machine_hosted.o,$(call WORKER98_UNITS,asan)) $(OUT)/asan/worker98/platform.a
	$(COMPILER_asan) $(LDFLAGS_asan) -o $@ $^ $(LDLIBS_asan)

.PHONY: check-worker98 unit-worker98 fuzz-worker98 clang-worker98
unit-worker98: $(foreach f,hosted asan,$(OUT)/$(f)/worker98-unit)
	for program in $(abspath $^); do timeout 100 $$program || exit 1; done

fuzz-worker98: $(OUT)/asan/worker98-fuzz
	@mkdir -p $(OUT)/fuzz-worker98
	timeout 20000 $(abspath $<) $(COUNT) $(OUT)/fuzz-worker98 \
		>/dev/null 2>$(OUT)/fuzz-worker98/log || { tail -40 $(OUT)/fuzz-worker98/log; exit 1; }
	@tail -1 $(OUT)/fuzz-worker98/log

# The same sources under clang's warnings, for Windows and for here; nothing of it is used.
clang-worker98:
	$(CLANG) --target=i686-w64-mingw32 -ffreestanding -Iplatform -Iagent98 $(STRICT) -fsyntax-only \
		$(filter-out %_hosted.c,$(wildcard worker98/*.c))
	$(CLANG) -Iplatform -Iagent98 $(STRICT) -fsyntax-only $(filter-out %_win32.c,$(wildcard worker98/*.c))

check-worker98: clang-worker98 unit-worker98 fuzz-worker98
check: check-worker98
fuzz: fuzz-worker98
