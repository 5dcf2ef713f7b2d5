/* chat/cli: permissions as people write them, and paths of the API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chat/cli/client.h"
#include "chat/cli/names.h"

static struct cli cli;

static int begin(void **state)
{
	(void)state;
	arena_init(&cli.arena);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_finish(&cli.arena);
	return 0;
}

static void a_list_of_permissions_is_read(void **state)
{
	json_t *entries = NULL;
	char *text;

	(void)state;
	assert_int_equal(acl_parse_list(&cli, "workspace:read,,group:hr:write,user:a@b:own,",
				 &entries, NULL),
		0);
	text = json_dumps(entries, JSON_COMPACT);
	assert_string_equal(text, "[{\"principal\":\"workspace\",\"right\":\"read\"},"
				  "{\"principal\":\"group:hr\",\"right\":\"write\"},"
				  "{\"principal\":\"user:a@b\",\"right\":\"own\"}]");
	free(text);
	json_decref(entries);
	assert_int_equal(acl_parse_list(&cli, "none", &entries, NULL), 0);
	assert_int_equal(json_array_size(entries), 0);
	json_decref(entries);
}

static void what_is_no_permission_is_refused(void **state)
{
	static const char *const bad[] = {
		"workspace", ":read", "workspace:", "workspace:READ", "a:read,b", "none,none"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = ERR_INIT;
		json_t *entries = NULL;

		assert_int_equal(acl_parse_list(&cli, bad[i], &entries, &e), ERR_INVALID);
		assert_null(entries);
		assert_string_equal(e.reason, "bad_acl");
	}
}

static void ids_need_no_server(void **state)
{
	const char *id = NULL;

	(void)state;
	assert_int_equal(collection_named(&cli, "col_01K3ZJ8Q4V5X6Y7Z8A9B0C1D2E", &id, NULL), 0);
	assert_string_equal(id, "col_01K3ZJ8Q4V5X6Y7Z8A9B0C1D2E");
	assert_int_equal(document_named(&cli, "nonsense", &id, NULL), ERR_NOT_FOUND);
}

static void paths_are_encoded(void **state)
{
	(void)state;
	assert_string_equal(client_path(&cli, "/v1/x/%s?name=%s&n=%d", "../a b", "ü&=%?", 7),
		"/v1/x/..%2Fa%20b?name=%C3%BC%26%3D%25%3F&n=7");
	assert_string_equal(client_path(&cli, "/v1/%s", ""), "/v1/");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_of_permissions_is_read),
		cmocka_unit_test(what_is_no_permission_is_refused),
		cmocka_unit_test(ids_need_no_server),
		cmocka_unit_test(paths_are_encoded),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
