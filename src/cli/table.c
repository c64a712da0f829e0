/*-------------------------------------------------------------------------
 *
 * table.c
 *		Rows, aligned.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>

#include "cli/printable.h"
#include "cli/table.h"
#include "cli/terminal.h"

/* Types of the server, by their fixed OIDs. */
#define BOOL_OID 16
#define INT8_OID 20
#define INT2_OID 21
#define INT4_OID 23
#define FLOAT4_OID 700
#define FLOAT8_OID 701
#define NUMERIC_OID 1700

static bool
is_whole(const PGresult *rows, int column)
{
	Oid			type = PQftype(rows, column);

	return type == INT8_OID || type == INT4_OID || type == INT2_OID;
}

bool
steep_table_is_number(const PGresult *rows, int column)
{
	Oid			type = PQftype(rows, column);

	return is_whole(rows, column) || type == FLOAT8_OID ||
		type == FLOAT4_OID || type == NUMERIC_OID;
}

void
steep_table_number(Text *buf, const char *digits)
{
	if (*digits == '-')
	{
		steep_text_append(buf, "-");
		digits++;
	}
	for (; *digits; digits++)
	{
		steep_text_bytes(buf, digits, 1);
		if (digits[1] && strlen(digits + 1) % 3 == 0)
			steep_text_append(buf, ",");
	}
}

const char *
steep_table_cell(const PGresult *rows, int row, int column)
{
	const char *value = PQgetvalue(rows, row, column);
	Text		buf = {0};

	steep_text_reset(&buf);
	if (is_whole(rows, column))
		steep_table_number(&buf, value);
	else if (PQftype(rows, column) == BOOL_OID && *value)
		steep_text_append(&buf, *value == 't' ? "yes" : "no");
	else
		steep_printable_append(&buf, value, PRINTABLE_CELL);
	return buf.data;
}

/* Append a cell and fill its column. */
static void
append_cell(Text *line, const char *value, int width, bool right)
{
	int			space = width - steep_printable_width(value);

	if (right)
		steep_text_repeat(line, " ", space);
	steep_text_append(line, value);
	if (!right)
		steep_text_repeat(line, " ", space);
}

/* Print a line without the spaces at its end. */
static void
put_line(Text *line)
{
	while (line->length > 0 && line->data[line->length - 1] == ' ')
		line->data[--line->length] = '\0';
	puts(line->data);
}

static void
print_line(const PGresult *rows, int columns, const int *widths,
		   const char **cells, int row,
		   void (*append) (Text *line, const PGresult *rows, int row))
{
	Text		line = {0};

	steep_text_reset(&line);
	for (int i = 0; i < columns; i++)
	{
		steep_text_append(&line, i > 0 ? "  " : "");
		append_cell(&line, cells[i], widths[i], steep_table_is_number(rows, i));
	}
	if (append)
	{
		steep_text_append(&line, "  ");
		append(&line, rows, row);
	}
	put_line(&line);
}

void
steep_table_rows(const PGresult *rows, int columns,
				 void (*append) (Text *line, const PGresult *rows, int row))
{
	int			count = PQntuples(rows);
	int		   *widths = steep_text_memory(columns * sizeof(int));
	const char **cells = steep_text_memory((count + 1) * columns * sizeof(char *));

	for (int i = 0; i < columns; i++)
	{
		cells[i] = PQfname(rows, i);
		widths[i] = steep_printable_width(cells[i]);
		for (int row = 0; row < count; row++)
		{
			const char *value = steep_table_cell(rows, row, i);
			int			width = steep_printable_width(value);

			cells[(row + 1) * columns + i] = value;
			if (width > widths[i])
				widths[i] = width;
		}
	}
	fputs(steep_terminal_color(stdout, COLOR_HEAD), stdout);
	print_line(rows, columns, widths, cells, -1, NULL);
	fputs(steep_terminal_color(stdout, COLOR_NONE), stdout);
	for (int row = 0; row < count; row++)
		print_line(rows, columns, widths, cells + (row + 1) * columns, row, append);
}

void
steep_table_record(const PGresult *rows, int columns)
{
	int			width = 0;

	for (int i = 0; i < columns; i++)
	{
		int			own = steep_printable_width(PQfname(rows, i));

		if (!PQgetisnull(rows, 0, i) && own > width)
			width = own;
	}
	for (int i = 0; i < columns; i++)
	{
		Text		line = {0};

		if (PQgetisnull(rows, 0, i))
			continue;
		steep_text_append(&line, steep_terminal_color(stdout, COLOR_DIM));
		append_cell(&line, PQfname(rows, i), width, false);
		steep_text_append(&line, steep_terminal_color(stdout, COLOR_NONE));
		steep_text_format(&line, "  %s", steep_table_cell(rows, 0, i));
		put_line(&line);
	}
}
