/* sys_hosted.h - what the hosted back end shows to tests beside sys.h. */
#ifndef PLATFORM_SYS_HOSTED_H
#define PLATFORM_SYS_HOSTED_H

/* How often the disk was changed (as SYS_STOP_AFTER counts), and how many writes were among these. */
void sys_hosted_counts(long *changes, long *writes);

#endif
