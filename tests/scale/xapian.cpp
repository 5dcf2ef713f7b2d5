#include "tests/scale/xapian.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <xapian.h>

struct xapian {
	Xapian::WritableDatabase writable;
	Xapian::Database db;
	Xapian::Document row;
	bool writes;
};

struct xapian *xapian_create(const char *path)
{
	try {
		struct xapian *x = new xapian();

		setenv("XAPIAN_FLUSH_THRESHOLD", "100000", 1); /* rows a batch: fewer rewrites */
		x->writable = Xapian::WritableDatabase(path, Xapian::DB_CREATE_OR_OVERWRITE);
		x->writes = true;
		return x;
	} catch (const Xapian::Error &e) {
		std::fprintf(stderr, "xapian: %s\n", e.get_description().c_str());
		return nullptr;
	}
}

struct xapian *xapian_open(const char *path)
{
	try {
		struct xapian *x = new xapian();

		x->db = Xapian::Database(path);
		x->writes = false;
		return x;
	} catch (const Xapian::Error &e) {
		std::fprintf(stderr, "xapian: %s\n", e.get_description().c_str());
		return nullptr;
	}
}

void xapian_close(struct xapian *x)
{
	if (x && x->writes) {
		x->writable.commit();
	}
	delete x;
}

void xapian_term(struct xapian *x, const char *term, unsigned weight)
{
	x->row.add_term(term, weight);
}

int xapian_add(struct xapian *x, unsigned row)
{
	try {
		x->writable.replace_document(row + 1, x->row);
		x->row = Xapian::Document();
		return 0;
	} catch (const Xapian::Error &e) {
		std::fprintf(stderr, "xapian: %s\n", e.get_description().c_str());
		return -1;
	}
}

int xapian_search(struct xapian *x, const char *const *terms, int n, int limit, unsigned *rows,
	double *scores)
{
	try {
		std::vector<std::string> list(terms, terms + n);
		Xapian::Enquire enquire(x->db);
		int found = 0;

		enquire.set_query(Xapian::Query(Xapian::Query::OP_OR, list.begin(), list.end()));
		enquire.set_weighting_scheme(Xapian::BM25Weight(1.2, 0, 1, .75, 0));
		Xapian::MSet best = enquire.get_mset(0, (Xapian::doccount)limit);
		for (Xapian::MSetIterator i = best.begin(); i != best.end(); ++i) {
			rows[found] = *i - 1;
			scores[found++] = i.get_weight();
		}
		return found;
	} catch (const Xapian::Error &e) {
		std::fprintf(stderr, "xapian: %s\n", e.get_description().c_str());
		return -1;
	}
}
