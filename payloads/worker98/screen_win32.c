/* screen_win32.c - a picture of the screen, taken at once and read row by row. */
#include "pc.h"
#include "win98.h"

static handle memory, bitmap;
static struct bitmap_head head;

int screen_take(u32 *width, u32 *height)
{
    handle screen = GetDC(0);
    handle before;
    int taken = 0;

    *width = (u32)GetSystemMetrics(SCREEN_WIDTH);
    *height = (u32)GetSystemMetrics(SCREEN_HEIGHT);
    memset(&head, 0, sizeof head);
    head.size = sizeof head;
    head.width = (i32)*width;
    head.height = (i32)*height;
    head.planes = 1;
    head.bits = 24;
    memory = CreateCompatibleDC(screen);
    bitmap = CreateCompatibleBitmap(screen, head.width, head.height);
    if (screen && memory && bitmap) {
        before = SelectObject(memory, bitmap);
        taken = BitBlt(memory, 0, 0, head.width, head.height, screen, 0, 0, COPY_PIXELS);
        SelectObject(memory, before); /* GetDIBits wants a bitmap that is not selected */
    }
    if (screen)
        ReleaseDC(0, screen);
    if (!taken)
        screen_drop();
    return taken;
}

int screen_rows(u32 first, u32 count, u8 *bytes)
{
    return GetDIBits(memory, bitmap, first, count, bytes, &head, 0) == (i32)count;
}

void screen_drop(void)
{
    if (bitmap)
        DeleteObject(bitmap);
    if (memory)
        DeleteDC(memory);
    bitmap = memory = 0;
}
