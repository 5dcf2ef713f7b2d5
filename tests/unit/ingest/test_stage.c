#include "tests/unit/ingest/house.h"

static void what_is_written_is_read(void **state)
{
	struct house *h = *state;
	struct id job = id_create("job");
	struct buf in = BUF_INIT, out = BUF_INIT;

	buf_str(&in, "content");
	fine(stage_write(h->ix, &job, "a", &in, &house_err));
	fine(stage_read(h->ix, &job, "a", &out, &house_err));
	assert_string_equal(out.data, "content");
	assert_int_equal(stage_read(h->ix, &job, "b", &out, NULL), ERR_NOT_FOUND);
	stage_remove(h->ix, &job, "a");
	assert_int_equal(stage_read(h->ix, &job, "a", &out, NULL), ERR_NOT_FOUND);
	fine(stage_write(h->ix, &job, "a", &(struct buf)BUF_INIT, &house_err));
	buf_clear(&out);
	fine(stage_read(h->ix, &job, "a", &out, &house_err));
	assert_int_equal(out.len, 0);
	stage_drop(h->ix, &job);
	assert_int_equal(count_entries(path_in(h, "stage")), 0);
	buf_finish(&in);
	buf_finish(&out);
}

/* Cut anywhere, or one byte flipped anywhere: thrown away. */
static void a_damaged_file_is_as_good_as_none(void **state)
{
	struct house *h = *state;
	struct id job = id_create("job");
	const char *path = arena_printf(&h->arena, "%s/stage/%s/a", h->dir, job.s);
	struct buf in = BUF_INIT, file = BUF_INIT, out = BUF_INIT;

	buf_str(&in, "twelve bytes");
	fine(stage_write(h->ix, &job, "a", &in, &house_err));
	fine(fs_read(path, 4096, &file, &house_err));
	for (size_t i = 0; i < file.len; i++) {
		fine(fs_replace(path, file.data, i, &house_err));
		assert_int_equal(stage_read(h->ix, &job, "a", &out, NULL), ERR_NOT_FOUND);
		assert_false(fs_exists(path));
		file.data[i] ^= 4;
		fine(fs_replace(path, file.data, file.len, &house_err));
		assert_int_equal(stage_read(h->ix, &job, "a", &out, NULL), ERR_NOT_FOUND);
		file.data[i] ^= 4;
	}
	assert_int_equal(out.len, 0);
	buf_finish(&in);
	buf_finish(&file);
	buf_finish(&out);
}

static void chunks_come_back(void **state)
{
	struct house *h = *state;
	struct box box = {2, 1, 2, 3, 4, 10, 20};
	struct chunk in[2] = {
		{.language = "en",
			.title = "T",
			.heading = "A > B",
			.text = "words",
			.page_first = 1,
			.page_last = 2,
			.byte_start = 10,
			.byte_end = 15,
			.n_tokens = 1,
			.boxes = &box,
			.n_boxes = 1},
		{.language = "",
			.title = "",
			.heading = "",
			.text = "x",
			.page_first = 1,
			.page_last = 1,
			.byte_start = 15,
			.byte_end = 16,
			.n_tokens = 1},
	};
	struct chunk *out;
	struct buf b = BUF_INIT, cut;
	int n;

	stage_pack_chunks(in, 2, &b);
	fine(stage_unpack_chunks(&b, &h->arena, &out, &n, &house_err));
	assert_int_equal(n, 2);
	assert_string_equal(out[0].heading, "A > B");
	assert_string_equal(out[0].text, "words");
	assert_int_equal(out[0].n_boxes, 1);
	assert_memory_equal(out[0].boxes, &box, sizeof(box));
	assert_int_equal(out[1].byte_end, 16);
	assert_int_equal(out[1].seq, 1);
	for (cut = b, cut.len = 0; cut.len < b.len; cut.len++) {
		assert_int_equal(stage_unpack_chunks(&cut, &h->arena, &out, &n, NULL), ERR_CORRUPT);
		assert_int_equal(n, 0);
	}
	buf_finish(&b);
}

static void open_jobs_keep_their_files(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = put(h, "a.txt", "Words.\n");
	struct id gone = id_create("job");
	struct buf in = BUF_INIT;

	buf_str(&in, "x");
	fine(stage_write(h->ix, &r.job, "a", &in, &house_err));
	fine(stage_write(h->ix, &gone, "a", &in, &house_err));
	fine(stage_sweep(h->ix, &house_err));
	assert_int_equal(count_entries(path_in(h, "stage")), 1);
	buf_clear(&in);
	fine(stage_read(h->ix, &r.job, "a", &in, &house_err));
	buf_finish(&in);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, house_setup, house_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_written_is_read),
		T(a_damaged_file_is_as_good_as_none),
		T(chunks_come_back),
		T(open_jobs_keep_their_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
