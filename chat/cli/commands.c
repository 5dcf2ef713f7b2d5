/* The one table of commands: dispatch, help and suggestions are made of it. */
#include "chat/cli/cmd.h"

#define OPTIONS(...) ((const struct option[]){__VA_ARGS__, {NULL, NULL, NULL}})
#define COLLECTION                                                                                 \
	{                                                                                          \
		"collection", "NAME", "only in this collection (name or id)"                       \
	}

const struct option everybodys_options[] = {
	{"server", "URL", "talk to that Carrel (or CARREL_SERVER), not to the data folder's"},
	{"token", "TOKEN", "API token for --server (or CARREL_TOKEN)"},
	{"as", "USER", "on this machine: ask as that user, with that user's rights"},
	{"workspace", "NAME", "on this machine: in that workspace (default)"},
	{"json", NULL, "results as one JSON object a line"},
	{"quiet", NULL, "no progress"},
	{"help", NULL, "this text"},
	{NULL, NULL, NULL},
};

const struct command commands[] = {
	{"serve", "", "Starts the server",
		"Listens on --listen and on DATA/carrel.sock, makes the data folder if there is "
		"none, and runs "
		"until SIGINT or SIGTERM. While nobody can sign in yet it prints a one-time token "
		"with which "
		"the first operator makes an account.",
		OPTIONS({"only-socket", NULL, "no TCP: only DATA/carrel.sock"}), 0, 0, true,
		cmd_serve},
	{"ingest", "PATH…", "Brings in files and folders",
		"Folders are read with all that is in them; hidden files are left out and named. "
		"What is in the "
		"collection already with the same bytes is skipped, a changed file of the same "
		"name becomes a "
		"new version: run it again after an interruption and it goes on. A file that fails "
		"does not "
		"stop the others; the exit status is 8 then. --acl is a list of PRINCIPAL:RIGHT "
		"with "
		"a principal of workspace, user:NAME or group:NAME and a right of read, write or "
		"own; it is set on the "
		"collection, which is made if there is none.",
		OPTIONS({"collection", "NAME", "the collection (name or id)"},
			{"acl", "LIST", "who may what, e.g. group:hr:read,user:ada:own"},
			{"no-wait", NULL, "return when all is uploaded (needs a running server)"}),
		1, -1, true, cmd_ingest},
	{"reindex", "", "Chunks and embeds documents anew; search goes on meanwhile",
		"Without options: what failed or was chunked by an older Carrel. With --embedder: "
		"all vectors anew under that embedder, beside those that serve; then the last 100 "
		"questions are asked of both, what would change is said, and the new ones serve, "
		"unless that looks wrong: a question could not be searched, or the first passages "
		"have next to nothing in common. They wait then for --swap or --drop. Interrupted, "
		"it goes on in the server, or with the next command.",
		OPTIONS(COLLECTION, {"embedder", "NAME", "builtin or openai"},
			{"compare", NULL, "with --embedder: stop before the new vectors serve"},
			{"yes", NULL, "with --embedder: let them serve without a comparison"},
			{"keep", NULL, "keep the former vectors as a way back"},
			{"details", NULL, "list your own questions and what they find first"},
			{"spaces", NULL, "show the vectors there are, their size, the comparison"},
			{"swap", NULL, "let the vectors that wait serve"},
			{"back", NULL, "let the former vectors serve again, filled up first"},
			{"drop", NULL, "remove the vectors that wait, else those that are kept"},
			{"all", NULL, "every document"},
			{"no-wait", NULL, "return when the jobs are made"}),
		0, 0, false, cmd_reindex},
	{"search", "QUERY…", "Finds passages",
		"Words are searched for by themselves and by their meaning. Conditions hold for "
		"every passage:\n"
		"  \"annual leave\"       these words, one after the other\n"
		"  title:handbook       in the title\n"
		"  collection:hr        of that collection (in:hr; \"two words\" in quotes)\n"
		"  type:pdf             of that kind of file: docx, xlsx, md, eml, …\n"
		"  owner:ada            brought in by that user (by:ada, by:me)\n"
		"  date:2026-03         come in then: a year, month or day, or 2025..2026-03\n"
		"  before:2026 after:2025-06-30\n"
		"  -word, -\"a phrase\", -type:pdf   and without what has it\n"
		"The shell takes quotes away: carrel search '\"annual leave\" type:pdf'",
		OPTIONS(COLLECTION, {"limit", "N", "passages at most (8)"},
			{"full", NULL, "all of their text"}),
		1, -1, false, cmd_search},
	{"explain", "QUERY…", "Shows why each candidate of a search was kept or cut", NULL,
		OPTIONS(COLLECTION, {"limit", "N", "passages at most (8)"},
			{"full", NULL, "all candidates, not the first 30"}),
		1, -1, false, cmd_explain},
	{"prompt", "QUESTION…", "Prints what a model would be sent; sends nothing", NULL,
		OPTIONS(COLLECTION), 1, -1, false, cmd_prompt},
	{"ask", "QUESTION…", "Answers a question, with sources",
		"The answer comes as it is written; then the sources it cites, with document, page "
		"and quote. "
		"With --json each event of the run is a line.",
		OPTIONS({"conversation", "ID", "go on with that conversation"}, COLLECTION), 1, -1,
		false, cmd_ask},

	{"doc list", "", "Lists documents", NULL, OPTIONS(COLLECTION), 0, 0, false, cmd_doc_list},
	{"doc show", "DOCUMENT", "Shows a document", NULL, NULL, 1, 1, false, cmd_doc_show},
	{"doc download", "DOCUMENT", "Fetches the original file", NULL,
		OPTIONS({"output", "FILE", "where to (the document's name; - is stdout)"}), 1, 1,
		false, cmd_doc_download},
	{"doc text", "DOCUMENT", "Prints the text that was read out of it", NULL, NULL, 1, 1, false,
		cmd_doc_text},
	{"doc warnings", "DOCUMENT", "Lists what to know before trusting it",
		"Pages that were hard to read and, if the document is yours, text that its readers "
		"cannot see: hidden orders to a language model travel so. None of that text is "
		"searched or answered from.",
		OPTIONS({"all", NULL, "links, properties and files inside as well"}), 1, 1, false,
		cmd_doc_warnings},
	{"doc versions", "DOCUMENT", "Lists its versions", NULL, NULL, 1, 1, false,
		cmd_doc_versions},
	{"doc rename", "DOCUMENT NAME", "Gives it another name", NULL, NULL, 2, 2, false,
		cmd_doc_rename},
	{"doc delete", "DOCUMENT…", "Deletes documents: unfindable at once, their text purged",
		NULL, NULL, 1, -1, false, cmd_doc_delete},
	{"acl show", "OBJECT", "Shows who may do what with a collection or document",
		"OBJECT is a collection's name or id, or a document's id or COLLECTION/NAME.", NULL,
		1, 1, false, cmd_acl_show},
	{"acl set", "OBJECT PRINCIPAL:RIGHT…", "Sets who may do what with a collection or document",
		"Replaces all entries. A principal is workspace, user:NAME or group:NAME; a right "
		"is read, write or "
		"own. `none` as the only entry: nobody. For a document, `inherit`: as its "
		"collection.",
		NULL, 2, -1, false, cmd_acl_set},
	{"collection list", "", "Lists collections", NULL, NULL, 0, 0, false, cmd_collection_list},
	{"collection create", "NAME", "Makes a collection", NULL,
		OPTIONS({"acl", "LIST", "who may what, e.g. workspace:read,group:hr:write"}), 1, 1,
		true, cmd_collection_create},
	{"collection rename", "COLLECTION NAME", "Gives it another name", NULL, NULL, 2, 2, false,
		cmd_collection_rename},
	{"collection delete", "COLLECTION", "Deletes a collection and every document in it", NULL,
		NULL, 1, 1, false, cmd_collection_delete},

	{"user list", "", "Lists users", NULL, NULL, 0, 0, false, cmd_user_list},
	{"user create", "NAME", "Makes a user",
		"Asks for a password without showing it, unless --password-file says where it "
		"stands.",
		OPTIONS({"password-file", "FILE", "its first line (- is stdin)"},
			{"display-name", "NAME", "as people read it"},
			{"role", "ROLE", "member (the default), admin or operator"}),
		1, 1, true, cmd_user_create},
	{"user disable", "USER", "Ends a user's sessions and sign-ins", NULL, NULL, 1, 1, false,
		cmd_user_disable},
	{"user enable", "USER", "Lets a disabled user sign in again", NULL, NULL, 1, 1, false,
		cmd_user_enable},
	{"user password", "USER", "Sets a new password", NULL,
		OPTIONS({"password-file", "FILE", "its first line (- is stdin)"}), 1, 1, false,
		cmd_user_password},
	{"user role", "USER ROLE", "Makes a user member, admin or operator", NULL, NULL, 2, 2,
		false, cmd_user_role},
	{"group list", "", "Lists groups", NULL, NULL, 0, 0, false, cmd_group_list},
	{"group create", "NAME", "Makes a group", NULL, NULL, 1, 1, true, cmd_group_create},
	{"group delete", "GROUP", "Deletes a group that no permission names", NULL, NULL, 1, 1,
		false, cmd_group_delete},
	{"group members", "GROUP", "Lists its members", NULL, NULL, 1, 1, false, cmd_group_members},
	{"group add", "GROUP USER…", "Adds members", NULL, NULL, 2, -1, false, cmd_group_add},
	{"group remove", "GROUP USER…", "Removes members", NULL, NULL, 2, -1, false,
		cmd_group_remove},
	{"workspace list", "", "Lists workspaces", NULL, NULL, 0, 0, false, cmd_workspace_list},
	{"workspace create", "NAME", "Makes a workspace", NULL, NULL, 1, 1, true,
		cmd_workspace_create},
	{"token list", "", "Lists the API tokens of who asks", NULL, NULL, 0, 0, false,
		cmd_token_list},
	{"token create", "NAME", "Makes an API token; it is shown once",
		"It belongs to who asks: on this machine say --as USER.",
		OPTIONS({"days", "N", "it ends after so many days (never)"}), 1, 1, false,
		cmd_token_create},
	{"token revoke", "TOKEN", "Ends an API token, by id", NULL, NULL, 1, 1, false,
		cmd_token_revoke},

	{"jobs", "", "Lists work in the background", NULL,
		OPTIONS({"state", "STATE",
				"queued, running, done, failed, quarantined or cancelled"},
			{"limit", "N", "at most (50)"}),
		0, 0, false, cmd_jobs_list},
	{"jobs list", "", "The same as jobs", NULL,
		OPTIONS({"state", "STATE",
				"queued, running, done, failed, quarantined or cancelled"},
			{"limit", "N", "at most (50)"}),
		0, 0, false, cmd_jobs_list},
	{"jobs show", "JOB", "Shows one", NULL, NULL, 1, 1, false, cmd_jobs_show},
	{"jobs watch", "JOB", "Follows one to its end", NULL, NULL, 1, 1, false, cmd_jobs_watch},
	{"jobs retry", "JOB…", "Queues failed ones again", NULL, NULL, 1, -1, false,
		cmd_jobs_retry},
	{"jobs cancel", "JOB…", "Stops them", NULL, NULL, 1, -1, false, cmd_jobs_cancel},
	{"check", "", "Holds the data folder against itself",
		"Needs the folder for itself: stop the server first.",
		OPTIONS({"repair", NULL,
				"rebuild derived data that is wrong, and order lost jobs anew"},
			{"deep", NULL, "read and hash every original"}),
		0, 0, false, cmd_check},
	{"backup", "FOLDER", "Copies all there is into a new folder; everything goes on meanwhile",
		"FOLDER is made on the server's machine, as the server's user; it must not be "
		"there, "
		"or be empty. In it are the database and every file that it names as they were at "
		"one "
		"moment, with what was acknowledged before and nothing of what was deleted before, "
		"and carrel.ini: documents, conversations, hashes of passwords and tokens, and the "
		"keys that stand in that file. Keep it as safe as the data folder (it gets mode "
		"0700). Settings of the command line or of the environment are not in it. "
		"Interrupted, it leaves nothing that looks whole: FOLDER is there when it is done. "
		"Status 8: no room, or original files were lost or damaged before; a backup "
		"without "
		"those is made then.",
		NULL, 1, 1, false, cmd_backup},
	{"restore", "FOLDER", "Makes a data folder, --data, of a backup",
		"--data must not be there, or be empty. All of the backup is read and compared "
		"with "
		"its list first; if anything has changed nothing is made. Everybody may then what "
		"they might when the backup was made: what was deleted or revoked since, sign-ins "
		"and tokens too, is as it was.",
		NULL, 1, 1, true, cmd_restore},

	{"extract", "FILE…", "Prints the text that is read out of files; stores nothing",
		"A file that cannot be read does not stop the others; the exit status is that of "
		"the last failure. --formats lists what is read.",
		OPTIONS({"brief", NULL, "a line a file: what it is, what came out, what it cost"},
			{"formats", NULL, "the kinds of files that are read; takes no FILE"}),
		0, -1, false, cmd_extract},
	{"chunk", "FILE", "Prints the passages a file is cut into; stores nothing", NULL, NULL, 1,
		1, false, cmd_chunk},
	{"embed", "TEXT…", "Prints the vectors of texts, and how near they are to the first", NULL,
		OPTIONS({"files", NULL, "the words are names of text files"},
			{"trained", NULL,
				"by the embedder that serves in the data folder (stop its "
				"server)"}),
		1, -1, false, cmd_embed},
	{"eval", "SET", "Measures how well search finds, and answers cite, what they should",
		"SET is a file of questions about the documents that you use: lines like "
		"{\"question\": "
		"\"…\", "
		"\"document\": \"hr/leave.pdf\", \"page\": 2} (document null: nothing answers it), "
		"or a "
		".tsv or .csv with the columns question, document, page. They are asked with your "
		"rights, or "
		"those of --as USER. Or SET is a folder with a test set: corpus.jsonl with {_id, "
		"title, text}, "
		"queries.jsonl with {_id, text}, qrels.tsv with query, document, grade; its "
		"documents are brought "
		"in as any others, into a data folder that is thrown away. "
		"ndcg@10 takes the grade as gain and log2(rank + 1) as discount (Järvelin & "
		"Kekäläinen 2002). "
		"To compare two states, save one with --json --queries and name the file with "
		"--against "
		"afterwards; to compare two settings, use --with. Status 2: what SET holds makes "
		"no sense "
		"(the error names file and line); 9: it is not there.",
		OPTIONS({"queries", NULL, "each question as well"},
			{"with", "NAME=VALUE,…",
				"also under these settings, and what that changes; \"words\": "
				"without meaning"},
			{"against", "FILE", "what changed since that run was saved"},
			{"answers", NULL,
				"answer the questions too: what is cited, what is refused"},
			{"tune", NULL,
				"find the weight of meaning against words that suits the "
				"questions"},
			{"save", NULL, "with --tune: write it to the settings, if it pays"},
			{"seed", "N", "of the intervals and folds (1)"}),
		1, 1, false, cmd_eval},
	{"settings", "", "Lists every setting, its value and where that came from", NULL, NULL, 0,
		0, false, cmd_settings},
	{"routes", "", "Lists the routes of the API", NULL, NULL, 0, 0, false, cmd_routes},
};
const int n_commands = (int)(sizeof(commands) / sizeof(commands[0]));
