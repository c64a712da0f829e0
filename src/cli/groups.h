/*-------------------------------------------------------------------------
 *
 * groups.h
 *		What commands do and show, in a file for each group of them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_GROUPS_H
#define STEEP_REPL_GROUPS_H

#include "cli/command.h"
#include "cli/report.h"

extern CommandRun steep_client_apply;
extern CommandRun steep_client_generate;
extern CommandRun steep_client_verify;
extern CommandRun steep_completion_run;
extern CommandRun steep_diff_run;
extern CommandRun steep_help_run;
extern CommandRun steep_init_complete_run;
extern CommandRun steep_init_reinit_run;
extern CommandRun steep_init_start_run;
extern CommandRun steep_init_status_run;
extern CommandRun steep_merge_run;
extern CommandRun steep_merge_apply_run;
extern CommandRun steep_merge_resolve_run;
extern CommandRun steep_merge_revert_run;
extern CommandRun steep_merge_show_run;
extern CommandRun steep_ops_watch_run;
extern CommandRun steep_overlap_run;
extern CommandRun steep_schema_compare_run;
extern CommandRun steep_schema_diff_run;
extern CommandRun steep_snapshot_apply_run;
extern CommandRun steep_snapshot_generate_run;
extern CommandRun steep_snapshot_verify_run;

extern const Report steep_health_report;
extern const Report steep_init_cancel_report;
extern const Report steep_init_prepare_report;
extern const Report steep_merge_conflicts_report;
extern const Report steep_merge_list_report;
extern const Report steep_merge_sql_report;
extern const Report steep_node_check_report;
extern const Report steep_node_heartbeat_report;
extern const Report steep_node_list_report;
extern const Report steep_node_register_report;
extern const Report steep_node_remove_report;
extern const Report steep_ops_cancel_report;
extern const Report steep_ops_list_report;
extern const Report steep_schema_capture_report;
extern const Report steep_snapshot_list_report;

#endif							/* STEEP_REPL_GROUPS_H */
