/*-------------------------------------------------------------------------
 *
 * guc.h
 *		The settings of steep_repl.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_GUC_H
#define STEEP_REPL_GUC_H

extern int	steep_guc_max_workers;	/* workers at once, in the whole cluster */
extern int	steep_guc_max_jobs; /* job slots in shared memory */
extern char *steep_guc_snapshot_directory;	/* '' = file roles only */
extern int	steep_guc_connect_timeout;	/* seconds */
extern int	steep_guc_lock_timeout; /* milliseconds */
extern int	steep_guc_leaf_rows;	/* most rows a leaf is planned for */

extern void steep_guc_init(void);

#endif							/* STEEP_REPL_GUC_H */
