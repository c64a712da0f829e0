/*-------------------------------------------------------------------------
 *
 * sqltext.c
 *		All quoting: names, literals, arrays and bound values as SQL text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"
#include "parser/scanner.h"
#include "utils/builtins.h"

#include "base/sqltext.h"

/* Quote a name if it needs it. */
char *
steep_sql_ident(const char *name)
{
	return pstrdup(quote_identifier(name));
}

/* Quote a schema-qualified name. */
char *
steep_sql_name(const char *schema, const char *name)
{
	return quote_qualified_identifier(schema, name);
}

/* Quote a value as a literal, or NULL. */
char *
steep_sql_literal(const char *value)
{
	return value ? quote_literal_cstr(value) : pstrdup("NULL");
}

/*
 * Write a list of C strings as the text form of an array, every element in
 * quotes.  A NULL pointer becomes a null.
 */
char *
steep_sql_array(List *values)
{
	StringInfoData buf;
	ListCell   *cell;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	foreach(cell, values)
	{
		const char *value = lfirst(cell);

		if (cell != list_head(values))
			appendStringInfoChar(&buf, ',');
		if (value == NULL)
		{
			appendStringInfoString(&buf, "NULL");
			continue;
		}
		appendStringInfoChar(&buf, '"');
		for (const char *c = value; *c; c++)
		{
			if (*c == '"' || *c == '\\')
				appendStringInfoChar(&buf, '\\');
			appendStringInfoChar(&buf, *c);
		}
		appendStringInfoChar(&buf, '"');
	}
	appendStringInfoChar(&buf, '}');
	return buf.data;
}

/* Join a list of C strings. */
char *
steep_sql_join(List *items, const char *separator)
{
	StringInfoData buf;
	ListCell   *cell;

	initStringInfo(&buf);
	foreach(cell, items)
	{
		if (cell != list_head(items))
			appendStringInfoString(&buf, separator);
		appendStringInfoString(&buf, lfirst(cell));
	}
	return buf.data;
}

/*
 * Put the values into the text in place of $1, $2, …, each as a literal with
 * its type.  dblink takes no parameters, so this is how values reach a peer.
 *
 * The server's own scanner says what is a parameter: a condition of the
 * user's may hold literals of any kind, and comments.
 */
char *
steep_sql_bind(const Statement *statement, const char *const *values)
{
	StringInfoData buf;
	core_yy_extra_type extra;
	core_YYSTYPE value;
	YYLTYPE		location;
	core_yyscan_t scanner = scanner_init(statement->text, &extra,
										 &ScanKeywords, ScanKeywordTokens);
	const char *rest = statement->text;

	initStringInfo(&buf);
	while (core_yylex(&value, &location, scanner) != 0)
	{
		const char *token = statement->text +location;
		char	   *literal;
		int			n;

		if (token[0] != '$' || !isdigit((unsigned char) token[1]))
			continue;
		appendBinaryStringInfo(&buf, rest, token - rest);
		n = strtol(token + 1, (char **) &rest, 10);
		if (n < 1 || n > statement->nparams)
			elog(ERROR, "statement \"%s\" has no parameter %d",
				 statement->purpose, n);
		literal = steep_sql_literal(values[n - 1]);
		appendStringInfo(&buf, "%s::%s", literal, statement->params[n - 1]);
		pfree(literal);
	}
	scanner_finish(scanner);
	appendStringInfoString(&buf, rest);
	return buf.data;
}
