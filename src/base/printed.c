/*-------------------------------------------------------------------------
 *
 * printed.c
 *		Print a value, whatever the session's settings are.
 *
 * The settings that output functions read are variables of the server; they
 * are set directly, for the time of one call.  SET would not do: a parallel
 * worker may not run it, and it would cost more than the call.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/lsyscache.h"

#include "base/printed.h"

typedef struct PrintSettings
{
	int			date_style;
	int			date_order;
	int			interval_style;
	int			float_digits;
	int			bytea_format;
	bool		quote_all;		/* reg* types read it */
	pg_tz	   *time_zone;
} PrintSettings;

/* Find the output function of a type, for use with steep_printed_value(). */
FmgrInfo *
steep_printed_prepare(Oid type, MemoryContext context)
{
	FmgrInfo   *output = MemoryContextAlloc(context, sizeof(FmgrInfo));
	Oid			function;
	bool		is_varlena;

	getTypeOutputInfo(type, &function, &is_varlena);
	fmgr_info_cxt(function, output, context);
	return output;
}

/* The settings that canonical.h promises. */
static PrintSettings
pinned_settings(void)
{
	static pg_tz *gmt = NULL;

	/* Under ISO dates this prints as UTC does, and it needs no file. */
	if (gmt == NULL)
		gmt = pg_tzset("GMT");
	return (PrintSettings)
	{
		.date_style = USE_ISO_DATES,
			.date_order = DATEORDER_MDY,
			.interval_style = INTSTYLE_POSTGRES,
			.float_digits = 3,
			.bytea_format = BYTEA_OUTPUT_HEX,
			.quote_all = false,
			.time_zone = gmt,
	};
}

static PrintSettings
current_settings(void)
{
	return (PrintSettings)
	{
		.date_style = DateStyle,
			.date_order = DateOrder,
			.interval_style = IntervalStyle,
			.float_digits = extra_float_digits,
			.bytea_format = bytea_output,
			.quote_all = quote_all_identifiers,
			.time_zone = session_timezone,
	};
}

static void
apply_settings(const PrintSettings *settings)
{
	DateStyle = settings->date_style;
	DateOrder = settings->date_order;
	IntervalStyle = settings->interval_style;
	extra_float_digits = settings->float_digits;
	bytea_output = settings->bytea_format;
	quote_all_identifiers = settings->quote_all;
	session_timezone = settings->time_zone;
}

/* Print a value under pinned settings, into the current memory context. */
char *
steep_printed_value(FmgrInfo *output, Datum value)
{
	PrintSettings pinned = pinned_settings();
	PrintSettings saved = current_settings();
	char	   *volatile text = NULL;

	PG_TRY();
	{
		apply_settings(&pinned);
		text = OutputFunctionCall(output, value);
	}
	PG_FINALLY();
	{
		apply_settings(&saved);
	}
	PG_END_TRY();
	return text;
}
