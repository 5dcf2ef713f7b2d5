#include "index/embed_prefix.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BGE_EN "Represent this sentence for searching relevant passages: "
#define INSTRUCT                                                                                   \
	"Instruct: Given a web search query, retrieve relevant passages that answer the "          \
	"query\n"

/* As the models' cards on huggingface.co say; the first row whose words all stand in the name, in
 * that order, counts. Models that want none (all-MiniLM, bge-m3, gte, text-embedding-3) and what is
 * not known get none. */
static const struct {
	const char *words[3]; /* lower case */
	const char *query, *document;
} table[] = {
	{{"e5", "instruct"}, INSTRUCT "Query: ", ""}, /* multilingual-e5-large-instruct */
	{{"e5-mistral"}, INSTRUCT "Query: ", ""},
	{{"e5-"}, "query: ", "passage: "},
	{{"nomic-embed-code"}, "Represent this query for searching relevant code: ", ""},
	{{"nomic-embed"}, "search_query: ", "search_document: "},
	{{"modernbert-embed"}, "search_query: ", "search_document: "},
	{{"bge-", "-en-icl"}, "", ""}, /* wants examples */
	{{"bge-", "-en"}, BGE_EN, ""},
	{{"bge-", "-zh"}, "为这个句子生成表示以用于检索相关文章：", ""},
	{{"qwen3-embedding"}, INSTRUCT "Query:", ""},
	{{"gte-qwen"}, INSTRUCT "Query: ", ""},
	{{"arctic-embed", "v2"}, "query: ", ""},
	{{"arctic-embed2"}, "query: ", ""}, /* Ollama's name */
	{{"arctic-embed"}, BGE_EN, ""},
	{{"mxbai-embed"}, BGE_EN, ""},
	{{"uae-large"}, BGE_EN, ""},
	{{"embeddinggemma"}, "task: search result | query: ", "title: none | text: "},
	{{"embedding-gemma"}, "task: search result | query: ", "title: none | text: "},
};

static bool named(const char *model, const char *const words[3])
{
	for (int i = 0; i < 3 && words[i]; i++) {
		model = strcasestr(model, words[i]);
		if (!model) {
			return false;
		}
		model += strlen(words[i]);
	}
	return true;
}

/* A setting in double quotes may end in blanks; "\n" is a line end, "\\" a backslash. */
static bool unquote(const char *value, char *out, size_t out_size)
{
	size_t n = strlen(value), used = 0;
	bool quoted = n >= 2 && value[0] == '"' && value[n - 1] == '"';

	for (size_t i = quoted; i < n - quoted; i++) {
		char c = value[i];

		if (c == '\\' && i + 1 < n - quoted && strchr("n\\\"", value[i + 1])) {
			c = value[++i] == 'n' ? '\n' : value[i];
		}
		if (used + 1 >= out_size) {
			return false;
		}
		out[used++] = c;
	}
	out[used] = 0;
	return true;
}

static int choose(
	const char *name, const char *value, const char *by_name, char *out, struct err *e)
{
	if (strcmp(value, "auto") == 0) {
		snprintf(out, EMBED_PREFIX_MAX, "%s", by_name);
		return 0;
	}
	return unquote(value, out, EMBED_PREFIX_MAX)
		       ? 0
		       : err_set(e, ERR_CONFIG, "embed_prefix", "%s must be shorter than %d bytes",
				 name, EMBED_PREFIX_MAX);
}

int embed_prefixes(const struct settings *set, struct embed_identity *identity, struct err *e)
{
	const char *query = "", *document = "";
	int rc;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (named(identity->model, table[i].words)) {
			query = table[i].query;
			document = table[i].document;
			break;
		}
	}
	rc = choose(
		"embed-query-prefix", set->embed_query_prefix, query, identity->query_prefix, e);
	return rc ? rc
		  : choose("embed-document-prefix", set->embed_document_prefix, document,
			    identity->document_prefix, e);
}
