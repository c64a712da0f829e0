/*-------------------------------------------------------------------------
 *
 * script.c
 *		The statements of a snapshot's schema files, and what each is about.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"

#include "base/script.h"

/* Name an object by one or two parts; more are of its columns. */
static ScriptObject
object_of_names(ScriptClass class, const List *names)
{
	ScriptObject object;

	memset(&object, 0, sizeof(object));
	object.class = class;
	if (list_length(names) > 1)
	{
		namestrcpy(&object.schema, strVal(linitial(names)));
		namestrcpy(&object.name, strVal(lsecond(names)));
	}
	else
		namestrcpy(&object.name, strVal(linitial(names)));
	return object;
}

static ScriptObject
object_of_range(ScriptClass class, const RangeVar *range)
{
	ScriptObject object;

	memset(&object, 0, sizeof(object));
	object.class = class;
	if (range->schemaname != NULL)
		namestrcpy(&object.schema, range->schemaname);
	namestrcpy(&object.name, range->relname);
	return object;
}

/* Name what is in the same schema as another object. */
static ScriptObject
object_beside(ScriptClass class, const ScriptObject *other, const char *name)
{
	ScriptObject object;

	memset(&object, 0, sizeof(object));
	object.class = class;
	object.schema = other->schema;
	if (name != NULL)
		namestrcpy(&object.name, name);
	return object;
}

static ScriptObject
object_by_name(ScriptClass class, const char *name)
{
	return object_of_names(class, list_make1(makeString(pstrdup(name))));
}

static void
add_need(ScriptStatement *statement, ScriptObject object)
{
	ScriptObject *need = palloc(sizeof(ScriptObject));

	*need = object;
	statement->needs = lappend(statement->needs, need);
}

static void
read_table(ScriptStatement *statement, const CreateStmt *create)
{
	ListCell   *cell;

	statement->kind = SCRIPT_TABLE;
	statement->makes = object_of_range(SCRIPT_CLASS_TYPE, create->relation);
	foreach(cell, create->inhRelations)
		add_need(statement, object_of_range(SCRIPT_CLASS_TYPE, lfirst(cell)));
}

static void
read_constraint(ScriptStatement *statement, const Constraint *constraint)
{
	switch (constraint->contype)
	{
		case CONSTR_PRIMARY:
		case CONSTR_UNIQUE:
		case CONSTR_EXCLUSION:
			statement->kind = SCRIPT_INDEX;
			statement->makes = object_beside(SCRIPT_CLASS_RELATION,
											 &statement->of,
											 constraint->conname);
			break;
		case CONSTR_FOREIGN:
			statement->kind = SCRIPT_FOREIGN_KEY;
			add_need(statement, object_of_range(SCRIPT_CLASS_TYPE,
												constraint->pktable));
			break;
		default:
			break;
	}
}

/* Read ALTER of a table, a sequence or an index. */
static bool
read_alter(ScriptStatement *statement, const AlterTableStmt *alter)
{
	const AlterTableCmd *command = linitial(alter->cmds);
	ScriptClass class = alter->objtype == OBJECT_TABLE ? SCRIPT_CLASS_TYPE :
		SCRIPT_CLASS_RELATION;

	if (alter->objtype != OBJECT_TABLE && alter->objtype != OBJECT_INDEX &&
		alter->objtype != OBJECT_SEQUENCE)
		return false;
	statement->of = object_of_range(class, alter->relation);
	if (command->subtype == AT_AttachPartition)
	{
		const PartitionCmd *partition = (PartitionCmd *) command->def;

		if (class == SCRIPT_CLASS_TYPE)
			statement->kind = SCRIPT_PARTITION;
		add_need(statement, statement->of);
		statement->of = object_of_range(class, partition->name);
	}
	else if (command->subtype == AT_AddInherit)
		add_need(statement, object_of_range(class, (RangeVar *) command->def));
	else if (command->subtype == AT_AddConstraint)
		read_constraint(statement, (Constraint *) command->def);
	return true;
}

/* Read ALTER SEQUENCE; its only form gives the sequence to a column. */
static void
read_owner(ScriptStatement *statement, const AlterSeqStmt *alter)
{
	const DefElem *option = linitial(alter->options);

	statement->kind = SCRIPT_OWNER;
	statement->of = object_of_range(SCRIPT_CLASS_RELATION, alter->sequence);
	if (strcmp(option->defname, "owned_by") == 0)
		add_need(statement, object_of_names(SCRIPT_CLASS_TYPE,
											(List *) option->arg));
}

/* Find what a comment is on; of a column or constraint, the table. */
static bool
read_comment(ScriptStatement *statement, const CommentStmt *comment)
{
	List	   *names = (List *) comment->object;
	ScriptClass class = SCRIPT_CLASS_TYPE;

	switch (comment->objtype)
	{
		case OBJECT_SCHEMA:
			statement->of = object_by_name(SCRIPT_CLASS_SCHEMA,
										   strVal(comment->object));
			return true;
		case OBJECT_COLLATION:
			class = SCRIPT_CLASS_COLLATION;
			break;
		case OBJECT_STATISTIC_EXT:
			class = SCRIPT_CLASS_STATISTICS;
			break;
		case OBJECT_INDEX:
		case OBJECT_SEQUENCE:
			class = SCRIPT_CLASS_RELATION;
			break;
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
			names = castNode(TypeName, comment->object)->names;
			break;
		case OBJECT_DOMCONSTRAINT:
			names = linitial_node(TypeName, names)->names;
			break;
		case OBJECT_TABLE:
		case OBJECT_COLUMN:
		case OBJECT_TABCONSTRAINT:
			break;
		default:
			return false;
	}
	statement->of = object_of_names(class, names);
	return true;
}

/* Find what is granted, and to whom. */
static bool
read_grant(ScriptStatement *statement, const GrantStmt *grant)
{
	Node	   *object = grant->objects ? linitial(grant->objects) : NULL;
	ListCell   *cell;

	statement->kind = SCRIPT_GRANT;
	if (object == NULL || grant->targtype != ACL_TARGET_OBJECT)
		return false;
	if (grant->objtype == OBJECT_TABLE)
		statement->of = object_of_range(SCRIPT_CLASS_TYPE, (RangeVar *) object);
	else if (grant->objtype == OBJECT_SEQUENCE)
		statement->of = object_of_range(SCRIPT_CLASS_RELATION,
										(RangeVar *) object);
	else if (grant->objtype == OBJECT_SCHEMA)
		statement->of = object_by_name(SCRIPT_CLASS_SCHEMA, strVal(object));
	else if (grant->objtype == OBJECT_TYPE || grant->objtype == OBJECT_DOMAIN)
		statement->of = object_of_names(SCRIPT_CLASS_TYPE, (List *) object);
	else
		return false;
	foreach(cell, grant->grantees)
	{
		const RoleSpec *role = lfirst(cell);

		if (role->roletype == ROLESPEC_CSTRING)
			statement->roles = lappend(statement->roles, role->rolename);
	}
	return true;
}

/* Read a statement that creates anything but a table; false if none does. */
static bool
read_create(ScriptStatement *statement, const Node *node)
{
	statement->kind = SCRIPT_OBJECT;
	if (IsA(node, CreateSchemaStmt) &&
		((CreateSchemaStmt *) node)->schemaname != NULL &&
		((CreateSchemaStmt *) node)->schemaElts == NIL)
		statement->makes = object_by_name(SCRIPT_CLASS_SCHEMA,
										  ((CreateSchemaStmt *) node)->schemaname);
	else if (IsA(node, CreateExtensionStmt))
		statement->makes = object_by_name(SCRIPT_CLASS_EXTENSION,
										  ((CreateExtensionStmt *) node)->extname);
	else if (IsA(node, CreateEnumStmt))
		statement->makes = object_of_names(SCRIPT_CLASS_TYPE,
										   ((CreateEnumStmt *) node)->typeName);
	else if (IsA(node, CreateRangeStmt))
		statement->makes = object_of_names(SCRIPT_CLASS_TYPE,
										   ((CreateRangeStmt *) node)->typeName);
	else if (IsA(node, CreateDomainStmt))
		statement->makes = object_of_names(SCRIPT_CLASS_TYPE,
										   ((CreateDomainStmt *) node)->domainname);
	else if (IsA(node, CompositeTypeStmt))
		statement->makes = object_of_range(SCRIPT_CLASS_TYPE,
										   ((CompositeTypeStmt *) node)->typevar);
	else if (IsA(node, CreateSeqStmt))
		statement->makes = object_of_range(SCRIPT_CLASS_RELATION,
										   ((CreateSeqStmt *) node)->sequence);
	else if (IsA(node, DefineStmt) &&
			 ((DefineStmt *) node)->kind == OBJECT_COLLATION)
		statement->makes = object_of_names(SCRIPT_CLASS_COLLATION,
										   ((DefineStmt *) node)->defnames);
	else
		return false;
	return true;
}

static void
read_index(ScriptStatement *statement, const IndexStmt *index)
{
	statement->kind = SCRIPT_INDEX;
	statement->of = object_of_range(SCRIPT_CLASS_TYPE, index->relation);
	statement->makes = object_beside(SCRIPT_CLASS_RELATION, &statement->of,
									 index->idxname);
}

static bool
read_statistics(ScriptStatement *statement, const CreateStatsStmt *create)
{
	if (!IsA(linitial(create->relations), RangeVar) || create->defnames == NIL)
		return false;
	statement->of = object_of_range(SCRIPT_CLASS_TYPE,
									linitial(create->relations));
	statement->makes = object_of_names(SCRIPT_CLASS_STATISTICS,
									   create->defnames);
	return true;
}

/* Find out what a statement is about; false if no snapshot has such a one. */
static bool
read_statement(ScriptStatement *statement, Node *node)
{
	statement->kind = SCRIPT_OTHER;
	if (IsA(node, VariableSetStmt))
		statement->kind = SCRIPT_SETTING;
	else if (IsA(node, CreateStmt))
		read_table(statement, (CreateStmt *) node);
	else if (IsA(node, AlterTableStmt))
		return read_alter(statement, (AlterTableStmt *) node);
	else if (IsA(node, AlterSeqStmt))
		read_owner(statement, (AlterSeqStmt *) node);
	else if (IsA(node, AlterDomainStmt))
		statement->of = object_of_names(SCRIPT_CLASS_TYPE,
										((AlterDomainStmt *) node)->typeName);
	else if (IsA(node, IndexStmt))
		read_index(statement, (IndexStmt *) node);
	else if (IsA(node, CreateStatsStmt))
		return read_statistics(statement, (CreateStatsStmt *) node);
	else if (IsA(node, AlterStatsStmt))
		statement->of = object_of_names(SCRIPT_CLASS_STATISTICS,
										((AlterStatsStmt *) node)->defnames);
	else if (IsA(node, CommentStmt))
		return read_comment(statement, (CommentStmt *) node);
	else if (IsA(node, GrantStmt))
		return read_grant(statement, (GrantStmt *) node);
	else
		return read_create(statement, node);
	return true;
}

/*
 * Take a file apart into ScriptStatements.  The text is in the encoding of
 * the database, and is parsed under the pinned settings.
 */
List *
steep_script_parse(const char *text, const char *file)
{
	List	   *statements = NIL;
	ListCell   *cell;

	foreach(cell, raw_parser(text, RAW_PARSE_DEFAULT))
	{
		const RawStmt *raw = lfirst(cell);
		ScriptStatement *statement = palloc0(sizeof(ScriptStatement));
		const char *start = text +raw->stmt_location;

		statement->sql = raw->stmt_len > 0 ? pnstrdup(start, raw->stmt_len) :
			pstrdup(start);
		if (!read_statement(statement, raw->stmt))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("file \"%s\" has a statement that no snapshot has",
							file),
					 errdetail("The statement is \"%.*s\".",
							   (int) Min(strlen(statement->sql), 200),
							   statement->sql)));
		statements = lappend(statements, statement);
	}
	return statements;
}
