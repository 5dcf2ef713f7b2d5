#include "ingest/ocr.h"

#include <ctype.h>
#include <errno.h>
#include <leptonica/allheaders.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <tesseract/capi.h>
#include <time.h>
#include <unistd.h>

#include "index/base/array.h"

/* libgomp's; the compilers' own header of it is in a package that nothing else needs */
extern void omp_set_max_active_levels(int n);

#define GROUPS_MAX 8
#define NOISE 35      /* a line below is a stain, not a line; a word in a good line may well be 0 */
#define WORTH_FROM 50 /* a character's worth is its confidence above this */
#define TURN_SURE 1.0 /* of the orientation; tesseract's own measure, 15 is certain */
#define SKEW_SURE 2   /* leptonica's own measure */
#define SKEW_LEAST 0.1f /* degrees */

struct group {
	char languages[64]; /* "eng+deu" */
	TessBaseAPI *api;   /* NULL: not loaded yet */
	bool missing;
};

struct ocr {
	struct document *doc;
	struct group groups[GROUPS_MAX];
	int n_groups, first; /* first: the one that read the page before */
	TessBaseAPI *osd;    /* of orientation and script */
	bool osd_tried;
	ETEXT_DESC *monitor;
	double spent_s; /* computing, all pages so far */
	/* of the page at hand */
	double begin_s, until_s; /* by the process's clock */
	bool out_of_time;
};

/* ── time ── */

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The kernel sends SIGXCPU at the soft limit and after every second of computing from there on
 * (setrlimit(2)): a sign of life from wherever tesseract may be. A signal has no argument. */
static struct {
	struct buf frame; /* PROGRESS */
	double until_s;	  /* by the process's clock */
} beat;

static void on_second(int sig)
{
	int saved = errno;

	if (cpu_seconds() < beat.until_s) {
		(void)!write(CHILD_FRAMES, beat.frame.data, beat.frame.len);
	} else {
		signal(sig, SIG_DFL); /* the next one ends the process */
	}
	errno = saved;
}

static void set_soft_limit(double seconds)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_CPU, &limit) == 0) {
		limit.rlim_cur = (rlim_t)ceil(seconds);
		limit.rlim_cur = limit.rlim_cur < limit.rlim_max ? limit.rlim_cur : limit.rlim_max;
		(void)!setrlimit(RLIMIT_CPU, &limit);
	}
}

/* Nothing is written to the draft until end_page. */
static void begin_page(struct ocr *o, int done, int n)
{
	double page_s = (double)o->doc->limits->sandbox.cpu_s;
	struct buf payload = BUF_INIT;

	o->out_of_time = false;
	o->begin_s = cpu_seconds();
	o->until_s = o->begin_s + page_s;
	/* later than until_s, which ends a page in good order */
	beat.until_s = o->until_s + 0.1 * page_s + 2;
	draft_progress(o->doc->draft, done, n);
	buf_u32(&payload, (uint32_t)done);
	buf_u32(&payload, (uint32_t)n);
	buf_clear(&beat.frame);
	frame_put(&beat.frame, FRAME_PROGRESS, payload.data, (uint32_t)payload.len);
	buf_finish(&payload);
	signal(SIGXCPU, on_second);
	set_soft_limit(o->begin_s + 1);
}

static void end_page(struct ocr *o)
{
	double now_s = cpu_seconds();

	set_soft_limit(now_s + (double)o->doc->limits->sandbox.cpu_s);
	signal(SIGXCPU, SIG_DFL);
	o->spent_s += now_s - o->begin_s;
}

static bool on_word(void *arg, int n_words)
{
	struct ocr *o = arg;

	(void)n_words;
	o->out_of_time = o->out_of_time || cpu_seconds() > o->until_s;
	return o->out_of_time;
}

/* ── languages ── */

static struct ocr *ocr_create(struct document *doc)
{
	struct ocr *o = calloc(1, sizeof(*o));
	const char *s = doc->limits->ocr_languages;

	ASSERT(o != NULL);
	o->doc = doc;
	while (*s && o->n_groups < GROUPS_MAX) {
		size_t n = strcspn(s, ",");
		struct group *g = &o->groups[o->n_groups];

		snprintf(g->languages, sizeof(g->languages), "%.*s", (int)n, s);
		o->n_groups += g->languages[0] != '\0';
		s += n + (s[n] == ',');
	}
	omp_set_max_active_levels(0);
	setMsgSeverity(L_SEVERITY_NONE);
	o->monitor = TessMonitorCreate();
	TessMonitorSetCancelFunc(o->monitor, on_word);
	TessMonitorSetCancelThis(o->monitor, o);
	return o;
}

/* NULL: none of its languages is installed. Of several, tesseract leaves out what is missing. */
static TessBaseAPI *group_api(struct group *g)
{
	if (!g->api && !g->missing) {
		g->api = TessBaseAPICreate();
		if (TessBaseAPIInit2(g->api, NULL, g->languages, OEM_LSTM_ONLY) != 0) {
			TessBaseAPIDelete(g->api);
			g->api = NULL;
			g->missing = true;
		}
	}
	return g->api;
}

void ocr_packages(const char *languages, struct buf *out)
{
	const char *joint = "";

	while (*languages) {
		size_t n = strcspn(languages, "+,");

		if (n) {
			buf_printf(out, "%stesseract-ocr-", joint);
			joint = strpbrk(languages + n + (languages[n] != '\0'), "+,") ? ", "
										      : " or ";
		}
		for (size_t i = 0; i < n; i++) {
			buf_char(out, languages[i] == '_' ? '-' : languages[i]);
		}
		languages += n + (languages[n] != '\0');
	}
}

/* ── one reading ── */

void ocr_text_finish(struct ocr_text *t)
{
	buf_finish(&t->text);
	free(t->words);
	memset(t, 0, sizeof(*t));
}

struct gathering {
	struct ocr_text *out;
	int cap;
	/* of the words kept, and of the line at hand, which begins at first */
	double n_characters, sum, worth;
	double line_characters, line_sum, line_worth;
	int first;
};

static double n_of_characters(const char *s, size_t n_bytes)
{
	double n = 0;

	for (size_t i = 0; i < n_bytes; i++) {
		n += ((unsigned char)s[i] & 0xc0) != 0x80 && (unsigned char)s[i] > ' ';
	}
	return n;
}

static void end_line(struct gathering *g)
{
	struct ocr_text *t = g->out;

	if (t->n_words > g->first && g->line_sum < NOISE * g->line_characters) {
		t->text.len = t->words[g->first].at;
		t->n_words = g->first;
	} else {
		g->n_characters += g->line_characters;
		g->sum += g->line_sum;
		g->worth += g->line_worth;
	}
	g->line_characters = g->line_sum = g->line_worth = 0;
	g->first = t->n_words;
}

static void take_word(struct gathering *g, const TessResultIterator *it, int dpi)
{
	const TessPageIterator *at = TessResultIteratorGetPageIteratorConst(it);
	float confidence = TessResultIteratorConfidence(it, RIL_WORD);
	int x0, y0, x1, y1, points = 0, font;
	BOOL is[6];
	char *s = TessResultIteratorGetUTF8Text(it, RIL_WORD);
	size_t n = s ? strlen(s) : 0;
	double n_characters = n_of_characters(s, n);
	struct ocr_text *t = g->out;

	if (n_characters > 0 && n <= UINT16_MAX &&
		TessPageIteratorBoundingBox(at, RIL_WORD, &x0, &y0, &x1, &y1)) {
		t->words = array_grow(t->words, t->n_words, &g->cap, sizeof(*t->words));
		TessResultIteratorWordFontAttributes(
			it, &is[0], &is[1], &is[2], &is[3], &is[4], &is[5], &points, &font);
		t->words[t->n_words] = (struct ocr_word){.x0 = (float)x0,
			.y0 = (float)y0,
			.x1 = (float)x1,
			.y1 = (float)y1,
			.size = points > 0 ? (float)(points * dpi) / 72 : (float)(y1 - y0),
			.at = (uint32_t)t->text.len,
			.n_bytes = (uint16_t)n,
			.begins_line = t->n_words == g->first};
		t->n_words++;
		buf_add(&t->text, s, n);
		g->line_characters += n_characters;
		g->line_sum += n_characters * confidence;
		g->line_worth += n_characters * fmax(0, confidence - WORTH_FROM);
	}
	TessDeleteText(s);
}

/* What tesseract takes a list's bullet for. */
static bool is_mark(const struct ocr_text *t, int i)
{
	static const char *const MARKS[] = {"¢", "®", "©", "«", "»", "°", "e"};
	const struct ocr_word *w = &t->words[i];

	if (!w->begins_line || i + 1 == t->n_words || w[1].begins_line ||
		islower((unsigned char)t->text.data[w[1].at])) {
		return false;
	}
	for (size_t k = 0; k < sizeof(MARKS) / sizeof(MARKS[0]); k++) {
		if (w->n_bytes == strlen(MARKS[k]) &&
			memcmp(t->text.data + w->at, MARKS[k], w->n_bytes) == 0) {
			return true;
		}
	}
	return false;
}

/* One line may begin with such a sign, several are a list. */
static void mend_bullets(struct ocr_text *t)
{
	int n = 0;

	for (int i = 0; i < t->n_words; i++) {
		n += is_mark(t, i);
	}
	for (int i = 0; i < t->n_words && n > 1; i++) {
		if (is_mark(t, i)) {
			t->words[i].at = (uint32_t)t->text.len;
			t->words[i].n_bytes = (uint16_t)strlen("•");
			buf_str(&t->text, "•");
		}
	}
}

/* Tesseract's own measure of it is wrong as often as right. 0: level, or not to be told. */
static float slope_of(TessBaseAPI *api)
{
	struct Pix *pix = TessBaseAPIGetThresholdedImage(api);
	l_float32 degrees = 0, sure = 0; /* that would make it level, clockwise */
	bool told = pix && pixFindSkew(pix, &degrees, &sure) == 0 && sure >= SKEW_SURE &&
		    fabsf(degrees) >= SKEW_LEAST;

	pixDestroy(&pix);
	return told ? -tanf(degrees * (float)M_PI / 180) : 0;
}

/* What the reading is worth: characters, by how sure they are. Letters of another script and of
 * a page upside down are worth next to nothing, however many. */
static double gather(TessBaseAPI *api, int dpi, struct ocr_text *out)
{
	TessResultIterator *it = TessBaseAPIGetIterator(api);
	struct gathering g = {.out = out};

	if (!it) {
		return 0;
	}
	out->skew = slope_of(api);
	do {
		if (TessPageIteratorIsAtBeginningOf(
			    TessResultIteratorGetPageIteratorConst(it), RIL_TEXTLINE)) {
			end_line(&g);
		}
		take_word(&g, it, dpi);
	} while (TessResultIteratorNext(it, RIL_WORD));
	end_line(&g);
	TessResultIteratorDelete(it);
	mend_bullets(out);
	out->confidence = g.n_characters > 0 ? (int)lround(g.sum / g.n_characters) : 0;
	return g.worth;
}

/* -1: it took too long. */
static double recognise(
	struct ocr *o, TessBaseAPI *api, struct Pix *pix, int dpi, struct ocr_text *out)
{
	double worth = -1;

	memset(out, 0, sizeof(*out));
	TessBaseAPISetPageSegMode(api, PSM_AUTO);
	TessBaseAPISetImage2(api, pix);
	TessBaseAPISetSourceResolution(api, dpi);
	if (TessBaseAPIRecognize(api, o->monitor) == 0 && !o->out_of_time) {
		worth = gather(api, dpi, out);
	}
	TessBaseAPIClear(api);
	return worth;
}

/* ── which way up ── */

/* Quarter turns clockwise that bring the picture upright. */
static int quarters_wrong(struct ocr *o, struct Pix *pix, int dpi)
{
	int degrees = 0;
	float sure = 0, script_sure;
	const char *script = NULL;

	if (!o->osd_tried) {
		o->osd_tried = true;
		o->osd = TessBaseAPICreate();
		if (TessBaseAPIInit2(o->osd, NULL, "osd", OEM_TESSERACT_ONLY) != 0) {
			TessBaseAPIDelete(o->osd);
			o->osd = NULL;
		}
	}
	if (!o->osd) {
		return 0;
	}
	TessBaseAPISetPageSegMode(o->osd, PSM_OSD_ONLY);
	TessBaseAPISetImage2(o->osd, pix);
	TessBaseAPISetSourceResolution(o->osd, dpi);
	if (!TessBaseAPIDetectOrientationScript(o->osd, &degrees, &sure, &script, &script_sure) ||
		sure < TURN_SURE) {
		degrees = 0;
	}
	TessBaseAPIClear(o->osd);
	return (360 - degrees) / 90 % 4;
}

/* ── a page ── */

struct reading {
	struct Pix *pix; /* as turned so far */
	int quarters, dpi;
	struct ocr_text best;
	double worth;
	int group; /* that the best is of */
};

static bool good(const struct reading *r)
{
	return r->best.n_words && r->best.confidence >= OCR_POOR;
}

/* Reads with a group and keeps the better of the two; true: it was this one. */
static bool read_better(struct ocr *o, struct reading *r, int group, struct Pix *pix, int quarters)
{
	TessBaseAPI *api = group_api(&o->groups[group]);
	struct ocr_text text;
	double worth = api ? recognise(o, api, pix, r->dpi, &text) : -1;

	if (worth < 0) {
		return false;
	}
	if (worth <= r->worth) {
		ocr_text_finish(&text);
		return false;
	}
	ocr_text_finish(&r->best);
	r->best = text;
	r->best.quarters = quarters;
	r->worth = worth;
	r->group = group;
	return true;
}

/* What cannot be read as it stands may lie on its side. */
static void try_turned(struct ocr *o, struct reading *r, int group)
{
	int quarters = quarters_wrong(o, r->pix, r->dpi);
	struct Pix *turned = quarters ? pixRotateOrth(r->pix, quarters) : NULL;

	if (turned && read_better(o, r, group, turned, quarters)) {
		pixDestroy(&r->pix);
		r->pix = turned;
		r->quarters = quarters;
	} else {
		pixDestroy(&turned);
	}
}

static void read_page(struct ocr *o, struct reading *r)
{
	bool tried_turned = false;

	for (int i = 0; i < o->n_groups && !good(r) && !o->out_of_time; i++) {
		int group = i == 0 ? o->first : i <= o->first ? i - 1 : i;

		read_better(o, r, group, r->pix, r->quarters);
		if (!good(r) && !tried_turned && !o->out_of_time && o->groups[group].api) {
			tried_turned = true;
			try_turned(o, r, group);
		}
	}
	if (good(r)) {
		o->first = r->group;
	}
}

static bool all_missing(const struct ocr *o)
{
	bool missing = true;

	for (int i = 0; i < o->n_groups; i++) {
		missing &= o->groups[i].missing;
	}
	return missing;
}

enum ocr_result ocr_read(
	struct document *doc, struct Pix *pix, int dpi, int done, int n, struct ocr_text *out)
{
	struct reading r = {.dpi = dpi, .worth = -1};
	struct ocr *o = doc->ocr ? doc->ocr : ocr_create(doc);

	doc->ocr = o;
	memset(out, 0, sizeof(*out));
	if (!o->n_groups) {
		return OCR_OFF;
	}
	if (all_missing(o)) {
		return OCR_MISSING;
	}
	if (o->spent_s >= (double)doc->limits->sandbox.cpu_more_s) {
		return OCR_SPENT;
	}
	begin_page(o, done, n);
	r.pix = pixClone(pix);
	read_page(o, &r);
	pixDestroy(&r.pix);
	end_page(o);
	*out = r.best;
	return all_missing(o) ? OCR_MISSING : o->out_of_time && !out->n_words ? OCR_SLOW : OCR_READ;
}
