# sqrtf without errno is one instruction. The x87 rounds to 24 bits by its control word, so GCC need not
# store each float to round it.
CFLAGS_llama98 := -fno-math-errno -fexcess-precision=fast
