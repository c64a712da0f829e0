/*-------------------------------------------------------------------------
 *
 * html.c
 *		An answer as a page that stands by itself.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/html.h"
#include "cli/table.h"

static const char head[] =
"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";

static const char style[] =
"<style>\n"
":root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1c2128;--soft:#667080;--line:#e1e5ea;"
"--match:#2f9e6e;--local:#3b6fd4;--remote:#9a5bd0;--conflict:#d9534f;--mark:#fff3d6}\n"
"@media(prefers-color-scheme:dark){:root{--page:#14171c;--card:#1d2229;--ink:#e4e8ee;--soft:#939dab;--line:#313943;"
"--match:#45b985;--local:#6b9bf2;--remote:#b98ae6;--conflict:#ee7671;--mark:#3d3420}}\n"
"*{box-sizing:border-box}\n"
"body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',sans-serif}\n"
"main{max-width:1080px;margin:0 auto;padding:32px 20px 48px}\n"
"h1{font-size:24px;line-height:1.25;margin:0 0 4px}\nh2{font-size:17px;margin:32px 0 10px}\n"
"p{margin:0 0 6px;color:var(--soft)}\n"
".figures{display:flex;flex-wrap:wrap;gap:12px;margin:22px 0}\n"
".figure{flex:1 1 150px;background:var(--card);border:1px solid var(--line);border-top:3px solid var(--c);border-radius:8px;padding:12px 16px}\n"
".figure b{display:block;font-size:25px;line-height:1.3;font-variant-numeric:tabular-nums}\n.figure span{color:var(--soft)}\n"
".match{--c:var(--match)}.local{--c:var(--local)}.remote{--c:var(--remote)}.conflict{--c:var(--conflict)}\n"
".sheet{background:var(--card);border:1px solid var(--line);border-radius:8px;overflow-x:auto;margin:0 0 14px}\n"
"table{border-collapse:collapse;width:100%}\n"
"th,td{padding:7px 14px;text-align:left;vertical-align:top;border-top:1px solid var(--line)}\n"
"tr:first-child>*{border-top:0}\nthead+tbody tr:first-child>*{border-top:1px solid var(--line)}\n"
"th{font-weight:600;color:var(--soft);white-space:nowrap}\n"
".number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
".bar{display:flex;gap:2px;min-width:170px;height:12px;margin-top:6px}\n"
".bar i{background:var(--c);border-radius:2px;min-width:3px}\n"
".row{margin-bottom:14px}\n.row table{table-layout:fixed}\n.row col:first-child{width:24%}\n"
".row caption{text-align:left;padding:9px 14px;border-bottom:1px solid var(--line);font-weight:600;overflow-wrap:anywhere}\n"
".tag{float:right;margin-left:12px;font-weight:600;color:var(--c)}\n.note{float:right;margin-left:12px;font-weight:400;color:var(--soft)}\n"
".value{font-family:ui-monospace,'SF Mono',Menlo,'DejaVu Sans Mono',monospace;font-size:13px;white-space:pre-wrap;overflow-wrap:anywhere}\n"
".changed td{background:var(--mark)}\n.changed th{background:var(--mark);color:var(--ink);box-shadow:inset 3px 0 var(--conflict)}\n"
".none{color:var(--soft);font-style:italic}\n"
"footer{margin-top:34px;color:var(--soft);font-size:13px}\n"
"@media print{body{background:none}.sheet,.figure{break-inside:avoid}}\n"
"</style>\n";

/* The bytes of a character that would turn the text around it, or hide. */
static size_t
disguise(const unsigned char *p)
{
	if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
		return 2;
	if (p[0] == 0xe2 && p[1] == 0x80 &&
		(p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae)))
		return 3;
	if (p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)
		return 3;
	return 0;
}

void
steep_html_text(Text *page, const char *string)
{
	const unsigned char *p = (const unsigned char *) string;

	while (*p)
	{
		size_t		hidden = disguise(p);

		if (hidden == 2)
			steep_text_format(page, "\\u%04x", p[1]);
		else if (hidden == 3)
			steep_text_format(page, "\\u%04x", 0x2000 | (p[1] & 0x3f) << 6 | (p[2] & 0x3f));
		else if (strchr("&<>\"'", *p))
			steep_text_format(page, "&#%d;", *p);
		else if ((*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f)
			steep_text_format(page, "\\x%02x", *p);
		else
			steep_text_bytes(page, (const char *) p, 1);
		p += hidden ? hidden : 1;
	}
}

const char *
steep_html_file(Session *session, const Arguments *arguments)
{
	const char *file = steep_arguments_option(arguments, "html");

	if (file == NULL)
		return NULL;
	if (session->json)
		steep_complain_fail(CODE_ARGUMENTS, NULL, "options \"--json\" and \"--html\" exclude each other");
	if (session->conn == NULL)
		steep_connection_open(session);
	if (PQsetClientEncoding(session->conn, "UTF8") != 0)
		steep_complain_fail(CODE_GENERAL, NULL, "could not set the encoding: %s",
							PQerrorMessage(session->conn));
	return file;
}

void
steep_html_begin(Text *page, Session *session, const char *title,
				 const char *subject)
{
	char		when[32];
	time_t		now = time(NULL);

	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", gmtime(&now));
	steep_text_append(page, head);
	steep_text_append(page, "<title>");
	steep_html_text(page, title);
	steep_text_append(page, "</title>\n");
	steep_text_append(page, style);
	steep_text_append(page, "</head>\n<body>\n<main>\n<h1>");
	steep_html_text(page, title);
	steep_text_append(page, "</h1>\n<p>");
	steep_html_text(page, subject);
	steep_text_append(page, "</p>\n<p>Database ");
	steep_html_text(page, PQdb(session->conn));
	steep_text_append(page, " on ");
	steep_html_text(page, PQhost(session->conn));
	steep_text_format(page, ":%s, %s</p>\n", PQport(session->conn), when);
}

/* Write all of the page. */
static bool
put(int fd, const Text *page)
{
	size_t		done = 0;

	while (done < page->length)
	{
		ssize_t		written = write(fd, page->data + done, page->length - done);

		if (written < 0 && errno != EINTR)
			return false;
		done += written > 0 ? (size_t) written : 0;
	}
	return true;
}

void
steep_html_write(const Session *session, Text *page, const char *file)
{
	int			fd;

	steep_text_append(page, "<footer>steep-repl " STEEP_VERSION "</footer>\n</main>\n</body>\n</html>\n");
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (fd < 0 || !put(fd, page) || close(fd) != 0)
		steep_complain_fail(CODE_GENERAL, NULL, "could not write \"%s\": %s", file, strerror(errno));
	if (!session->quiet)
		printf("The page is in %s.\n", file);
}

static void
append_number(Text *page, double amount)
{
	char		digits[32];

	snprintf(digits, sizeof(digits), "%.0f", amount);
	steep_table_number(page, digits);
}

void
steep_html_figures(Text *page, const HtmlPart *parts, int count)
{
	steep_text_append(page, "<div class=\"figures\">\n");
	for (int i = 0; i < count; i++)
	{
		steep_text_format(page, "<div class=\"figure %s\"><b>", parts[i].kind);
		append_number(page, parts[i].amount);
		steep_text_format(page, "</b><span>%s</span></div>\n", parts[i].title);
	}
	steep_text_append(page, "</div>\n");
}

void
steep_html_bar(Text *page, const HtmlPart *parts, int count)
{
	steep_text_append(page, "<div class=\"bar\">");
	for (int i = 0; i < count; i++)
	{
		if (parts[i].amount > 0)
			steep_text_format(page, "<i class=\"%s\" style=\"flex:%.0f 0 0\" title=\"%s\"></i>",
							  parts[i].kind, parts[i].amount, parts[i].title);
	}
	steep_text_append(page, "</div>");
}

static void
append_cell(Text *page, const char *element, const char *text, bool number)
{
	steep_text_format(page, "<%s%s>", element, number ? " class=\"number\"" : "");
	steep_html_text(page, text);
	steep_text_format(page, "</%s>", element);
}

void
steep_html_table(Text *page, const PGresult *rows, int columns,
				 void (*append) (Text *page, const PGresult *rows, int row))
{
	steep_text_append(page, "<div class=\"sheet\"><table>\n<thead><tr>");
	for (int i = 0; i < columns; i++)
		append_cell(page, "th", PQfname(rows, i), steep_table_is_number(rows, i));
	steep_text_append(page, append ? "<th></th></tr></thead>\n<tbody>\n" : "</tr></thead>\n<tbody>\n");
	for (int row = 0; row < PQntuples(rows); row++)
	{
		steep_text_append(page, "<tr>");
		for (int i = 0; i < columns; i++)
			append_cell(page, "td", steep_table_cell(rows, row, i), steep_table_is_number(rows, i));
		if (append)
		{
			steep_text_append(page, "<td>");
			append(page, rows, row);
			steep_text_append(page, "</td>");
		}
		steep_text_append(page, "</tr>\n");
	}
	steep_text_append(page, "</tbody></table></div>\n");
}

void
steep_html_record(Text *page, const PGresult *rows, int columns)
{
	steep_text_append(page, "<div class=\"sheet\"><table><tbody>\n");
	for (int i = 0; i < columns && PQntuples(rows) > 0; i++)
	{
		if (PQgetisnull(rows, 0, i))
			continue;
		steep_text_append(page, "<tr>");
		append_cell(page, "th", PQfname(rows, i), false);
		append_cell(page, "td", steep_table_cell(rows, 0, i), false);
		steep_text_append(page, "</tr>\n");
	}
	steep_text_append(page, "</tbody></table></div>\n");
}
