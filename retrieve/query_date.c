#include "retrieve/query_date.h"

#include <string.h>

#define DAY_MS INT64_C(86400000)

/* Days since 1970-01-01 of the proleptic Gregorian calendar: months counted from March, so that the
 * leap day ends the year. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - 719468;
}

/* n digits at *s, which moves on; -1: there are not just so many. */
static int digits(const char **s, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++, (*s)++) {
		if (**s < '0' || **s > '9') {
			return -1;
		}
		value = value * 10 + (**s - '0');
	}
	return **s >= '0' && **s <= '9' ? -1 : value;
}

/* A date at *s, which moves on: the first day of it and the first after it. */
static bool read_span(const char **s, int64_t *from, int64_t *to)
{
	int year = digits(s, 4), month, day;

	if (year < 1) {
		return false;
	}
	if (**s != '-') {
		*from = days_of(year, 1, 1);
		*to = days_of(year + 1, 1, 1);
		return true;
	}
	(*s)++;
	month = digits(s, 2);
	if (month < 1 || month > 12) {
		return false;
	}
	*from = days_of(year, month, 1);
	*to = month == 12 ? days_of(year + 1, 1, 1) : days_of(year, month + 1, 1);
	if (**s != '-') {
		return true;
	}
	(*s)++;
	day = digits(s, 2);
	if (day < 1 || day > *to - *from) {
		return false;
	}
	*from += day - 1;
	*to = *from + 1;
	return true;
}

static bool read_range(const char *value, int64_t *from_ms, int64_t *to_ms)
{
	int64_t from = 0, to = 0, unused;
	bool open_start = strncmp(value, "..", 2) == 0;

	if (!open_start && !read_span(&value, &from, &to)) {
		return false;
	}
	*from_ms = open_start ? INT64_MIN : from * DAY_MS;
	*to_ms = to * DAY_MS;
	if (strncmp(value, "..", 2) == 0) {
		value += 2;
		*to_ms = INT64_MAX;
		if (*value) {
			if (!read_span(&value, &unused, &to)) {
				return false;
			}
			*to_ms = to * DAY_MS;
		} else if (open_start) {
			return false;
		}
	}
	return *value == '\0' && *from_ms < *to_ms;
}

bool query_date(const char *field, const char *value, int64_t *from_ms, int64_t *to_ms)
{
	int64_t from, to;

	if (strcmp(field, "date") == 0) {
		return read_range(value, from_ms, to_ms);
	}
	if (!read_span(&value, &from, &to) || *value) {
		return false;
	}
	*from_ms = strcmp(field, "after") == 0 ? to * DAY_MS : INT64_MIN;
	*to_ms = strcmp(field, "after") == 0 ? INT64_MAX : from * DAY_MS;
	return true;
}
