/*-------------------------------------------------------------------------
 *
 * slot_sql.c
 *		Statement that looks at a slot which somebody has prepared.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "generate/slot_sql.h"

/* Slot $1, for publication $2 and a copy that ends at $3, or null. */
static const Statement slot_facts_sql = {
	.site = SITE_PEER,
	.purpose = "see whether the slot can be used",
	.text =
	"SELECT s.plugin = 'pgoutput' AND s.database = current_database(), s.active,\n"
	"       coalesce(s.wal_status = 'lost', false),\n"
	"       EXISTS (SELECT FROM pg_publication WHERE pubname = $2),\n"
	"       coalesce($3 >= s.confirmed_flush_lsn AND $3 <= pg_current_wal_lsn(), $3 IS NULL),\n"
	"       s.confirmed_flush_lsn, pg_current_wal_lsn()\n"
	"FROM pg_replication_slots s WHERE s.slot_name = $1",
	.result = "fits bool, active bool, lost bool, publication bool, reaches bool, start text, finish text",
	.nparams = 3,
	.params = {"text", "text", "pg_lsn"},
};

const Statement *
steep_slot_facts_sql(void)
{
	return &slot_facts_sql;
}
