/*-------------------------------------------------------------------------
 *
 * config.h
 *		Connections that have a name, in ~/.config/steep/config.yaml.
 *
 *		connections:
 *		  berlin:
 *		    host: 10.0.0.2
 *		    database: app
 *		    user: merger
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_CONFIG_H
#define STEEP_REPL_CONFIG_H

typedef struct ConfigPair
{
	const char *keyword;		/* as libpq knows it */
	const char *value;
} ConfigPair;

/*
 * Read a connection: pairs that end with one without keyword.  Complain about
 * a file that cannot be used and about a name that is not in it, and end.
 */
extern const ConfigPair *steep_config_connection(const char *name);

#endif							/* STEEP_REPL_CONFIG_H */
