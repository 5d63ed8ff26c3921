# Built as the helper is: see helper98/program.mk. Its host knows it by its SHA-256, so it has no seal.
CFLAGS_win32_probe98 = $(CFLAGS_win32_helper98)
CFLAGS_linux32_probe98 = $(CFLAGS_linux32_helper98)
LDFLAGS_win32_probe98 := -Wl,-T,platform/win32.ld

# The kernels are the engine's, built as it builds them, but called as everything here is.
PROBE98_KERNELS := kernels kernels_engine_mmx kernels_lookup_mmx
$(foreach u,$(PROBE98_KERNELS),$(eval $(OUT)/win32/probe98/$(u).o: CFLAGS_win32_probe98 := $(CFLAGS_llama98) -mregparm=3))
$(foreach u,$(PROBE98_KERNELS),$(eval $(OUT)/linux32/probe98/$(u).o: CFLAGS_linux32_probe98 := $(CFLAGS_llama98) -mregparm=3))
$(foreach f,hosted asan,$(foreach u,$(PROBE98_KERNELS),$(eval $(OUT)/$(f)/probe98/$(u).o: CFLAGS_$(f)_probe98 := $(CFLAGS_llama98))))
