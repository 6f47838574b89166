/*-------------------------------------------------------------------------
 *
 * scratch.h
 *		Folders for files that live no longer than a job.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCRATCH_H
#define SCRATCH_H

extern void scratch_open(const char *parent);
extern const char *scratch_folder(void);
extern void scratch_close(void);
extern char *scratch_make_job_folder(long long job_id);
extern void scratch_remove(const char *folder);

#endif							/* SCRATCH_H */
