/*-------------------------------------------------------------------------
 *
 * definition.c
 *		SQL text that is to create something, and to do nothing else.
 *
 * Definitions of types, expressions and constraints come from the peer as
 * text.  Before such text runs here the server's own grammar says whether it
 * holds what it should: nothing of a peer's may drop anything, or be another
 * statement.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/parsenodes.h"
#include "parser/parser.h"

#include "base/definition.h"

/* Does an ALTER TABLE only add? */
static bool
adds_only(const AlterTableStmt *statement)
{
	ListCell   *cell;

	foreach(cell, statement->cmds)
	{
		switch (lfirst_node(AlterTableCmd, cell)->subtype)
		{
			case AT_AddColumn:
			case AT_AddConstraint:
			case AT_AddInherit:
			case AT_AttachPartition:
				break;
			default:
				return false;
		}
	}
	return true;
}

/* Does a statement only create what tables consist of? */
static bool
creates_only(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_CreateStmt:
		case T_CreateSeqStmt:
		case T_CreateEnumStmt:
		case T_CreateDomainStmt:
		case T_CreateRangeStmt:
		case T_CompositeTypeStmt:
		case T_DefineStmt:
		case T_IndexStmt:
			return true;
		case T_AlterTableStmt:
			return adds_only((AlterTableStmt *) statement);
		default:
			return false;
	}
}

/*
 * Raise an error unless the text, made of what a peer says of an object, only
 * creates.  The caller must have pinned the session's settings.
 */
void
steep_definition_check(const char *object, const char *text)
{
	ListCell   *cell;

	foreach(cell, raw_parser(text, RAW_PARSE_DEFAULT))
	{
		if (!creates_only(lfirst_node(RawStmt, cell)->stmt))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("definition of %s on the peer is not one", object),
					 errdetail_internal("%s", text),
					 errhint("Look at the table on the peer, and at who can change it.")));
	}
}
