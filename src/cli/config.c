/*-------------------------------------------------------------------------
 *
 * config.c
 *		Connections that have a name, in ~/.config/steep/config.yaml.
 *
 * The whole file is looked at, whichever connection is wanted: a mistake is
 * told when it is made, not at night.  No value is ever part of a message,
 * since it may be a password.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

#include "cli/complain.h"
#include "cli/config.h"
#include "cli/suggest.h"
#include "cli/text.h"

typedef struct ConfigFile
{
	const char *path;
	FILE	   *stream;
	struct stat status;
	yaml_document_t document;
} ConfigFile;

/* What a connection may have, and what libpq calls it. */
static const ConfigPair known_keys[] = {
	{"host", "host"},
	{"port", "port"},
	{"database", "dbname"},
	{"user", "user"},
	{"sslmode", "sslmode"},
	{"passfile", "passfile"},
	{"service", "service"},
	{"password", "password"},
	{0}
};

static void fail_at(const ConfigFile *file, const yaml_mark_t *mark,
					const char *hint, const char *problem, const char *name)
			__attribute__((noreturn));

/* Complain about a place in the file. */
static void
fail_at(const ConfigFile *file, const yaml_mark_t *mark, const char *hint,
		const char *problem, const char *name)
{
	steep_complain_fail(CODE_ARGUMENTS, hint, "%s:%zu: %s%s%s%s", file->path,
						mark->line + 1, problem, name ? " \"" : "",
						name ? name : "", name ? "\"" : "");
}

static void
open_file(ConfigFile *file)
{
	const char *home = getenv("HOME");
	Text		path = {0};
	int			fd;

	steep_text_format(&path, "%s/.config/steep/config.yaml", home ? home : "");
	file->path = path.data;
	/* without O_NONBLOCK a named pipe would wait for a writer */
	fd = open(path.data, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &file->status) != 0)
		steep_complain_fail(CODE_ARGUMENTS,
							errno == ENOENT ? "--connection takes a name from there; -c takes a connection string." : NULL,
							"could not open \"%s\": %s", path.data, strerror(errno));
	if (!S_ISREG(file->status.st_mode))
		steep_complain_fail(CODE_ARGUMENTS, NULL, "\"%s\" is not a file", path.data);
	file->stream = fdopen(fd, "r");
	if (file->stream == NULL)
		steep_complain_fail(CODE_GENERAL, NULL, "out of memory");
}

static void
parse_file(ConfigFile *file)
{
	yaml_parser_t parser;

	if (!yaml_parser_initialize(&parser))
		steep_complain_fail(CODE_GENERAL, NULL, "out of memory");
	yaml_parser_set_input_file(&parser, file->stream);
	if (!yaml_parser_load(&parser, &file->document))
	{
		yaml_mark_t *mark = parser.problem_mark.line > 0 ?
			&parser.problem_mark : &parser.context_mark;

		fail_at(file, mark, "Only spaces indent, and a space follows each colon.",
				parser.problem ? parser.problem : "this is not YAML", NULL);
	}
	yaml_parser_delete(&parser);
	fclose(file->stream);
}

static const char *
scalar(ConfigFile *file, const yaml_node_t *node, const char *what)
{
	if (node->type != YAML_SCALAR_NODE)
		fail_at(file, &node->start_mark, NULL, what, NULL);
	if (strlen((char *) node->data.scalar.value) != node->data.scalar.length)
		fail_at(file, &node->start_mark, NULL, "there is a zero byte in this", NULL);
	return (char *) node->data.scalar.value;
}

static const char *
libpq_keyword(ConfigFile *file, const yaml_node_t *node)
{
	const char *key = scalar(file, node, "a key is a word");
	Suggestion	suggestion = {.wrong = key};

	for (const ConfigPair *known = known_keys; known->keyword; known++)
	{
		if (strcmp(known->keyword, key) == 0)
			return known->value;
		steep_suggest_offer(&suggestion, known->keyword);
	}
	fail_at(file, &node->start_mark,
			steep_suggest_hint(&suggestion, "",
							   "A connection has host, port, database, user, sslmode, passfile and service."),
			"unknown key", key);
}

/* A password must be the owner's secret, as in ~/.pgpass. */
static void
check_mode(ConfigFile *file, const yaml_node_t *node)
{
	if ((file->status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		fail_at(file, &node->start_mark,
				"Run chmod 600 on the file, or better keep the password in ~/.pgpass.",
				"others may read this file, and here is a password", NULL);
}

static const ConfigPair *
read_connection(ConfigFile *file, const yaml_node_t *node)
{
	yaml_node_pair_t *pair;
	ConfigPair *pairs;
	int			count = 0;

	if (node->type != YAML_MAPPING_NODE)
		fail_at(file, &node->start_mark, NULL,
				"a connection is a list of keys and values", NULL);
	pair = node->data.mapping.pairs.start;
	pairs = steep_text_memory((node->data.mapping.pairs.top - pair + 1) * sizeof(ConfigPair));
	for (; pair < node->data.mapping.pairs.top; pair++)
	{
		yaml_node_t *key = yaml_document_get_node(&file->document, pair->key);
		yaml_node_t *value = yaml_document_get_node(&file->document, pair->value);
		const char *keyword = libpq_keyword(file, key);

		for (int i = 0; i < count; i++)
		{
			if (pairs[i].keyword == keyword)
				fail_at(file, &key->start_mark, NULL, "this key is here twice:", scalar(file, key, ""));
		}
		if (strcmp(keyword, "password") == 0)
			check_mode(file, key);
		pairs[count].keyword = keyword;
		pairs[count++].value = scalar(file, value, "a value is one word or number");
	}
	return pairs;
}

/* Find the mapping "connections", the one thing at the top. */
static yaml_node_t *
find_connections(ConfigFile *file)
{
	yaml_node_t *root = yaml_document_get_root_node(&file->document);
	yaml_node_t *found = NULL;

	if (root == NULL || root->type != YAML_MAPPING_NODE)
		steep_complain_fail(CODE_ARGUMENTS, "It starts with a line \"connections:\".",
							"\"%s\" has no connections", file->path);
	for (yaml_node_pair_t *pair = root->data.mapping.pairs.start;
		 pair < root->data.mapping.pairs.top; pair++)
	{
		yaml_node_t *key = yaml_document_get_node(&file->document, pair->key);
		const char *name = scalar(file, key, "a key is a word");

		if (strcmp(name, "connections") != 0)
			fail_at(file, &key->start_mark, "At the top there is \"connections\" only.",
					"unknown key", name);
		found = yaml_document_get_node(&file->document, pair->value);
	}
	if (found == NULL || found->type != YAML_MAPPING_NODE)
		fail_at(file, &root->start_mark, "Below \"connections:\" stand their names.",
				"there are no connections", NULL);
	return found;
}

const ConfigPair *
steep_config_connection(const char *name)
{
	ConfigFile	file = {0};
	yaml_node_t *connections;
	const ConfigPair *wanted = NULL;
	Suggestion	suggestion = {.wrong = name};

	open_file(&file);
	parse_file(&file);
	connections = find_connections(&file);
	for (yaml_node_pair_t *pair = connections->data.mapping.pairs.start;
		 pair < connections->data.mapping.pairs.top; pair++)
	{
		const char *other = scalar(&file, yaml_document_get_node(&file.document, pair->key),
								   "the name of a connection is a word");
		const ConfigPair *pairs = read_connection(&file, yaml_document_get_node(&file.document, pair->value));

		if (strcmp(other, name) == 0)
			wanted = pairs;
		steep_suggest_offer(&suggestion, other);
	}
	if (wanted == NULL)
		steep_complain_fail(CODE_ARGUMENTS, steep_suggest_hint(&suggestion, "", NULL),
							"\"%s\" has no connection \"%s\"", file.path, name);
	return wanted;
}
