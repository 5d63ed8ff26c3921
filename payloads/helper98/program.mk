# The whole helper must fit into 24 KB, so it is built for size; arguments go in registers and the
# stack is aligned to 4 only. SELF needs its seal in the finished file.
CFLAGS_win32_helper98 := -Oz -mregparm=3 -mpreferred-stack-boundary=2 -mpush-args -mno-accumulate-outgoing-args \
	-fno-inline-functions-called-once -fno-tree-tail-merge -fno-tree-loop-im
CFLAGS_linux32_helper98 := -Oz -mregparm=3
LDFLAGS_win32_helper98 := -Wl,-T,platform/win32.ld
SEAL_helper98 := yes

# Programs around the helper's units:
#   helper98-unit   known answers; hosted, under the sanitizers, and freestanding on Linux i386
#   helper98-fuzz   damaged deployments, under the sanitizers
HELPER98_UNITS = $(filter-out %/main.o,$(call OBJECTS,$(1),helper98))

define HELPER98_TOOL
$(OUT)/$(1)/helper98-$(2): $(OUT)/$(1)/helper98/tests/$(2).o $(3) $(OUT)/$(1)/helper98/platform.a
	$$(COMPILER_$(1)) $$(LDFLAGS_$(1)) -o $$@ $$^ $$(LDLIBS_$(1))
endef
$(foreach f,hosted asan linux32,$(eval $(call HELPER98_TOOL,$(f),unit,$(call HELPER98_UNITS,$(f)))))
$(eval $(call HELPER98_TOOL,asan,fuzz,$(call OBJECTS,asan,helper98)))

.PHONY: check-helper98 unit-helper98 fuzz-helper98 clang-helper98
unit-helper98: $(foreach f,hosted asan linux32,$(OUT)/$(f)/helper98-unit)
	for program in $(abspath $^); do \
		mkdir -p $$program.d && (cd $$program.d && timeout 100 $$program) || exit 1; done

fuzz-helper98: $(OUT)/asan/helper98-fuzz
	@mkdir -p $(OUT)/fuzz-helper98
	timeout 20000 $(abspath $<) $(COUNT) $(OUT)/fuzz-helper98 \
		>/dev/null 2>$(OUT)/fuzz-helper98/log || { tail -40 $(OUT)/fuzz-helper98/log; exit 1; }
	@tail -1 $(OUT)/fuzz-helper98/log

# The same sources under clang's warnings, for Windows and for here; nothing of it is used.
clang-helper98:
	$(CLANG) --target=i686-w64-mingw32 -ffreestanding -Iplatform $(STRICT) -fsyntax-only \
		$(wildcard helper98/*.c platform/*win32.c platform/[acdfm]*.c)
	$(CLANG) -Iplatform $(STRICT) -fsyntax-only platform/sys_hosted.c platform/process_hosted.c

check-helper98: clang-helper98 unit-helper98 fuzz-helper98
check: check-helper98
fuzz: fuzz-helper98
