/* state.h - what was proved in this run of GO.BAT, kept in ID.STA between the helper's commands.
 *
 * It is a cache: a file that is missing, damaged, of another manifest or of another version means
 * "nothing is known yet", never an error. What it says of a file is believed only while the
 * directory still shows the same length and the same write time. GO.BAT deletes it at its start.
 *
 * It is read only by the program that wrote it, so it is u32 words as this machine has them: struct
 * job_kept; each finished round; the struct file_kept of each file; the struct part_kept of each
 * part; the CRC-32 of all that. */
#ifndef HELPER_STATE_H
#define HELPER_STATE_H

/* Fills the job, its files and parts from the file, as far as it is believed. Call it once, when the
 * manifest was believed. */
void state_load(void);

/* Its name; good until the next call. */
const char *state_name(void);

/* Writes the file. A status. */
int state_save(void);

#endif
