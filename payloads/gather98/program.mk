# Built as its sister is: see helper98/program.mk.
CFLAGS_win32_gather98 = $(CFLAGS_win32_helper98)
CFLAGS_linux32_gather98 = $(CFLAGS_linux32_helper98)
LDFLAGS_win32_gather98 := -Wl,-T,platform/win32.ld
SEAL_gather98 := yes
