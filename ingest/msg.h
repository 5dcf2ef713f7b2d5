/*
 * The properties of an Outlook message (MS-OXMSG 2.4), of one of its recipients or attachments: a
 * storage with short values in one stream and each long one in a stream named after its tag.
 * Thread: the child's only one.
 */
#ifndef INGEST_MSG_H
#define INGEST_MSG_H

#include "ingest/ole.h"

enum msg_property { /* MS-OXPROPS */
	MSG_CLASS = 0x001a,
	MSG_SUBJECT = 0x0037,
	MSG_SUBMITTED = 0x0039,
	MSG_SENT_FOR_NAME = 0x0042,
	MSG_SENT_FOR_ADDRESS = 0x0065,
	MSG_RECIPIENT_TYPE = 0x0c15,
	MSG_SENDER_NAME = 0x0c1a,
	MSG_SENDER_ADDRESS = 0x0c1f,
	MSG_DISPLAY_CC = 0x0e03,
	MSG_DISPLAY_TO = 0x0e04,
	MSG_DELIVERED = 0x0e06,
	MSG_BODY = 0x1000,
	MSG_RTF = 0x1009,
	MSG_HTML = 0x1013,
	MSG_ID = 0x1035,
	MSG_REFERENCES = 0x1039,
	MSG_IN_REPLY_TO = 0x1042,
	MSG_DISPLAY_NAME = 0x3001,
	MSG_ADDRESS = 0x3003,
	MSG_SMTP = 0x39fe,
	MSG_DATA = 0x3701,
	MSG_SHORT_FILE = 0x3704,
	MSG_METHOD = 0x3705,
	MSG_LONG_FILE = 0x3707,
	MSG_MIME = 0x370e,
	MSG_CONTENT_ID = 0x3712,
	MSG_INTERNET_CODEPAGE = 0x3fde,
	MSG_CODEPAGE = 0x3ffd,
	MSG_SENDER_SMTP = 0x5d01,
	MSG_HIDDEN = 0x7ffe,
};

/* Bytes before the entries of the stream of short values. */
enum msg_holder { MSG_HOLDER_PART = 8, MSG_HOLDER_EMBEDDED = 24, MSG_HOLDER_TOP = 32 };

struct msg_properties {
	GsfInfile *dir; /* borrowed */
	struct buf values;
	enum msg_holder holder;
	char charset[32]; /* of texts that are not Unicode */
	size_t max;	  /* bytes of one */
};

/* charset: NULL: its own code page. */
void msg_open(struct msg_properties *m, GsfInfile *dir, enum msg_holder holder, const char *charset,
	size_t max);
void msg_finish(struct msg_properties *m);
/* Replaces out; "" where there is none. */
void msg_text(const struct msg_properties *m, enum msg_property id, struct buf *out);
/* Replaces out; false: there is none. */
bool msg_bytes(const struct msg_properties *m, enum msg_property id, struct buf *out);
uint32_t msg_number(const struct msg_properties *m, enum msg_property id, uint32_t otherwise);
/* "2026-05-04T09:30:00Z"; replaces out. */
void msg_date(const struct msg_properties *m, enum msg_property id, struct buf *out);
/* ICU's name of a Windows code page. */
void msg_charset(uint32_t codepage, char out[32]);

/* The storage of a message as a file of its own (MS-OXMSG 2.2.3): false where it is too deep or
 * larger than max. */
bool msg_rebuild(GsfInfile *dir, int depth_max, size_t max, struct buf *out);

#endif
