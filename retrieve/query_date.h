/*
 * Dates as the query language has them. A date is a span: "2026" is the year, "2026-03" the month,
 * "2026-03-14" the day, in UTC. date: is within it, before: earlier than it begins, after: later
 * than it ends; date: takes "D..D", "D.." and "..D", too. Pure; thread: any.
 */
#ifndef RETRIEVE_QUERY_DATE_H
#define RETRIEVE_QUERY_DATE_H

#include <stdbool.h>
#include <stdint.h>

/* field: "date", "before" or "after". False: the value is no date. *from_ms <= t < *to_ms in Unix
 * time, INT64_MIN and INT64_MAX where it is open. */
bool query_date(const char *field, const char *value, int64_t *from_ms, int64_t *to_ms);

#endif
