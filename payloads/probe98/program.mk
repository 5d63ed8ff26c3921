# Built as the helper is: see helper98/program.mk. Its host knows it by its SHA-256, so it has no seal.
CFLAGS_win32_probe98 = $(CFLAGS_win32_helper98)
CFLAGS_linux32_probe98 = $(CFLAGS_linux32_helper98)
LDFLAGS_win32_probe98 := -Wl,-T,platform/win32.ld
