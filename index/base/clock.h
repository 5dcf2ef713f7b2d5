/* Time. Wall clock for what is stored and shown, monotonic for intervals. Thread: any. */
#ifndef INDEX_BASE_CLOCK_H
#define INDEX_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_wall_ms(void); /* Unix time in milliseconds */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
/* RFC 3339 in UTC with milliseconds, "2026-03-01T09:30:00.000Z"; out_size >= 25. */
void clock_rfc3339(int64_t unix_ms, char *out, size_t out_size);

#endif
