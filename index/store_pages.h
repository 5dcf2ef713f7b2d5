/*
 * What reaches the file of the database of a page: its rows, and nothing beside them.
 *
 * When SQLite moves rows between pages it leaves their bytes behind in the unused space in the
 * midst of a page; `secure_delete` overwrites what is deleted, not what was moved before. So a
 * purged document's words stayed in the file until a page happened to be filled. Here the unused
 * space is written as zeros: it means nothing to SQLite, which reads it as little as it did before.
 *
 * Only for the connection that checkpoints: in WAL mode nobody else writes the file. The
 * write-ahead log is as SQLite wrote it, and is empty after a truncating checkpoint.
 * Private to index/store*.c.
 */
#ifndef INDEX_STORE_PAGES_H
#define INDEX_STORE_PAGES_H

struct sqlite3;

/* Once, before the connection's first checkpoint. SQLite's result code. */
int store_pages_clean(struct sqlite3 *c);

#endif
