# The agent is a window. It is built for size, as the helper is, and as one unit (-flto), so that what it does not use
# of a unit is left out. There is no Linux i386 build of it. A *_hosted.c is for the hosted builds only.
FLAVOURS_agent98 := win32 hosted asan
CFLAGS_win32_agent98 := -Oz -mregparm=3 -mpreferred-stack-boundary=2 -mpush-args -mno-accumulate-outgoing-args \
	-fno-inline-functions-called-once -fno-tree-tail-merge -fno-tree-loop-im -fno-partial-inlining -fno-tree-fre \
	-fno-optimize-sibling-calls -fno-if-conversion -fno-shrink-wrap -fno-ipa-modref -fno-thread-jumps \
	-flto -flto-partition=none
CFLAGS_agent98 := $(if $(findstring clang,$(CC)),,-Wno-format-truncation)
LDFLAGS_win32_agent98 = $(CFLAGS_win32) $(CFLAGS_win32_agent98) -Wl,--subsystem,windows:4.0 -Wl,-T,platform/win32.ld
LDLIBS_win32_agent98 := -luser32 -lgdi32 -lwsock32 -ladvapi32

# Programs around the agent's units:
#   agent98-unit   known answers; hosted and under the sanitizers
#   agent98-fuzz   a hostile server, under the sanitizers
AGENT98_UNITS = $(filter-out %/main.o,$(call OBJECTS,$(1),agent98))

define AGENT98_TOOL
$(OUT)/$(1)/agent98-$(2): $(OUT)/$(1)/agent98/tests/$(2).o $(call AGENT98_UNITS,$(1)) $(OUT)/$(1)/agent98/platform.a
	$$(COMPILER_$(1)) $$(LDFLAGS_$(1)) -o $$@ $$^ $$(LDLIBS_$(1))
endef
$(foreach f,hosted asan,$(eval $(call AGENT98_TOOL,$(f),unit)))
# The fuzzer brings a machine of its own.
$(OUT)/asan/agent98/tests/fuzz.o: agent98/machine_hosted.c agent98/tests/hostile.h agent98/tests/hostile_names.h
$(OUT)/asan/agent98-fuzz: $(OUT)/asan/agent98/tests/fuzz.o \
		$(filter-out %/machine_hosted.o,$(call AGENT98_UNITS,asan)) $(OUT)/asan/agent98/platform.a
	$(COMPILER_asan) $(LDFLAGS_asan) -o $@ $^ $(LDLIBS_asan)

.PHONY: check-agent98 unit-agent98 fuzz-agent98 clang-agent98
unit-agent98: $(foreach f,hosted asan,$(OUT)/$(f)/agent98-unit)
	for program in $(abspath $^); do timeout 100 $$program || exit 1; done

fuzz-agent98: $(OUT)/asan/agent98-fuzz
	@mkdir -p $(OUT)/fuzz-agent98
	SYS_HASTE=1000 timeout 20000 $(abspath $<) $(COUNT) $(OUT)/fuzz-agent98 \
		>/dev/null 2>$(OUT)/fuzz-agent98/log || { tail -40 $(OUT)/fuzz-agent98/log; exit 1; }
	@tail -1 $(OUT)/fuzz-agent98/log

# The same sources under clang's warnings, for Windows and for here; nothing of it is used.
clang-agent98:
	$(CLANG) --target=i686-w64-mingw32 -ffreestanding -Iplatform $(STRICT) -fsyntax-only \
		$(filter-out %_hosted.c,$(wildcard agent98/*.c))
	$(CLANG) -Iplatform $(STRICT) -fsyntax-only $(filter-out %_win32.c,$(wildcard agent98/*.c))

check-agent98: clang-agent98 unit-agent98 fuzz-agent98
check: check-agent98
fuzz: fuzz-agent98
