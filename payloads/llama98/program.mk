# sqrtf without errno is one instruction. The x87 rounds to 24 bits by its control word, so GCC need not
# store each float to round it. No processor may fuse a multiplication and an addition.
CFLAGS_llama98 := -fno-math-errno -ffp-contract=off
CFLAGS_llama98 += $(if $(findstring clang,$(CC)),,-fexcess-precision=fast --param max-unroll-times=4)

# What runs once, not for each token, is small rather than fast.
LLAMA98_COLD := chat container decode encode header layout main model options parts prompt run sections split stream \
	text tokenizer vocabulary characters sampler forward multiply classify kernels_bit kernels_ternary kernels_int4 attention processor kernels_int8 kernels_c checks
$(foreach f,win32 linux32 hosted,$(foreach u,$(LLAMA98_COLD),$(eval $(OUT)/$(f)/llama98/$(u).o: CFLAGS_llama98 += -Os -fno-jump-tables)))

# Tools that link the program without its main:
#   build/hosted/llama98-score   what int8 costs in quality
#   build/asan/llama98-fuzz      damaged models, tokenizers and command lines
#   build/asan/llama98-fuzz98    damaged containers, made of sound ones
#   build/hosted/llama98-probe   tokens and logits of containers
LLAMA98_PARTS := $(filter-out llama98/main.c,$(wildcard llama98/*.c))

define LLAMA98_TOOL
$(OUT)/$(1)/llama98-$(2): $(patsubst %.c,$(OUT)/$(1)/%.o,llama98/tests/$(2).c $(LLAMA98_PARTS)) $(OUT)/$(1)/llama98/platform.a
	$$(COMPILER_$(1)) $$(LDFLAGS_$(1)) -o $$@ $$^ -lm
endef
$(eval $(call LLAMA98_TOOL,hosted,score))
$(eval $(call LLAMA98_TOOL,asan,fuzz))
$(eval $(call LLAMA98_TOOL,asan,fuzz98))
$(eval $(call LLAMA98_TOOL,hosted,probe))
$(eval $(call LLAMA98_TOOL,asan,probe))

.PHONY: check-llama98 fuzz-llama98 clang-llama98
# The same sources under clang's warnings; nothing of it is used.
clang-llama98:
	$(CLANG) $(filter-out -Wframe-larger-than%,$(STRICT)) -Wframe-larger-than=2048 -O2 -mmmx -fno-math-errno \
		-fsyntax-only $(wildcard llama98/*.c)

fuzz-llama98: $(OUT)/asan/llama98-fuzz
	@mkdir -p $(OUT)/fuzz-llama98
	timeout 3000 $< $(COUNT) $(OUT)/fuzz-llama98 >/dev/null 2>$(OUT)/fuzz-llama98/log || \
		{ tail -40 $(OUT)/fuzz-llama98/log; exit 1; }
	@tail -1 $(OUT)/fuzz-llama98/log

check-llama98: clang-llama98 fuzz-llama98
check: check-llama98
fuzz: fuzz-llama98
