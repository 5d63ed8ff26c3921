# The whole helper must fit into 16 KB, so it is built for size; arguments go in registers and the
# stack is aligned to 4 only. SELF needs its seal in the finished file.
CFLAGS_win32_helper98 := -Oz -mregparm=3 -mpreferred-stack-boundary=2 -mpush-args -mno-accumulate-outgoing-args \
	-fno-inline-functions-called-once -fno-tree-tail-merge -fno-tree-loop-im
CFLAGS_linux32_helper98 := -Oz -mregparm=3
LDFLAGS_win32_helper98 := -Wl,-T,platform/win32.ld
SEAL_helper98 := yes
