// What the API answers (chat/http/openapi.json says it in full).

export type Right = 'none' | 'read' | 'write' | 'own';
export type Role = 'member' | 'admin' | 'operator';

export interface User { id: string; name: string; displayName: string; role: Role; disabled: boolean; createdMs: number }
export interface Group { id: string; name: string; members: number; createdMs: number }
export interface Me extends User {
	workspace: { id: string; name: string };
	groups: { id: string; name: string }[];
	server?: { version: string; uploadMaxMb: number; model: string | null; embedder: string; ocr: boolean };
}
export interface SignIn { accessToken: string; csrfToken: string; accessExpiresMs: number; expiresMs: number; user: User }

/** Who may read something, in short. */
export interface Access { workspace: boolean; groups: string[]; users: number; you: boolean }
export interface AclEntry { principal: string; right: Right; kind?: 'user' | 'group' | 'workspace'; name?: string }
export interface Acl { entries: AclEntry[]; inherited?: boolean }
export interface Principal { principal: string; kind: 'user' | 'group' | 'workspace'; name: string; displayName?: string; members?: number }

/** What a document's makers count in; "page" stands for each of them. */
export type Unit = 'page' | 'slide' | 'sheet' | 'chapter' | 'message';
/** place: the page in the document's own words: "iv", "Prices!A2:F9". */
export interface At { page?: number | null; place?: string; unit?: Unit | null }

export interface Collection { id: string; name: string; documents: number; createdMs: number; right: Right; access?: Access }

export type VersionState = 'queued' | 'ingesting' | 'indexed' | 'no_text' | 'failed' | 'cancelled' | 'superseded' | 'purged';
export interface JobBrief { id: string; state: JobState; stage: string; done: number; total: number; reason: string | null; message: string | null }
export interface Document {
	id: string; name: string; collectionId: string; collection: string; conversationId?: string | null;
	currentVersionId: string | null; ownAcl: boolean; access?: Access;
	createdBy: string; createdMs: number | null;
	versionId: string; version: number; state: VersionState; reason: string | null; message: string | null;
	sha256: string; bytes: number; mediaType: string | null; title: string | null; language: string | null; pages: number; paging?: Unit | 'none' | null;
	right: Right; job?: JobBrief | null; warnings?: { hidden?: number; poorScans: number };
}
export interface Version {
	id: string; seq: number; createdMs: number | null; publishedMs: number | null; state: VersionState; reason: string | null;
	message: string | null; sha256: string; bytes: number; mediaType: string | null; title: string | null; pages: number;
}
export interface Receipt {
	documentId: string; versionId: string; jobId: string | null; sha256: string; bytes: number; state: VersionState;
	arrival: 'new' | 'version' | 'duplicate';
}
export interface DocumentText {
	documentId: string; versionId: string; title: string | null; language: string | null; mediaType: string; paged: boolean; unit?: Unit | null;
	bytes: number; byteStart: number; text: string; next: number | null;
	pages: { number: number; label?: string | null; byteStart: number; byteEnd: number; width?: number; height?: number }[];
	highlight: { byteStart: number; byteEnd: number; page: number; place?: string } | null;
}
/** What is known of a document beside its text; the hidden ones are told to its owners only. */
export interface Annotation extends At { n: number; kind: string; hidden: boolean; byteStart: number; byteEnd: number; text: string }
export interface Annotations { versionId: string; counts: Record<string, number>; annotations: Annotation[]; next: string | null }

/** The pages that are drawn of a document without pages of its own, and where a passage is on them. */
export interface View { versionId: string; state: 'own' | 'ready' | 'possible' | 'none'; pages: { number: number; width: number; height: number }[]; page: number | null; boxes: Box[] }

export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'quarantined' | 'cancelled';
export interface Job {
	id: string; kind: 'ingest' | 'reindex' | 'purge' | 'reembed'; state: JobState; stage: string; done: number; total: number;
	tries: number; documentId: string | null; versionId: string | null; reason: string | null; message: string | null;
	cancelling: boolean; createdBy: string; createdMs: number | null; startedMs: number | null; finishedMs: number | null;
	documentName?: string; versionState?: VersionState; pages?: number;
}

/** rect: x0, y0, x1, y1 in PDF points from the upper left corner of the page. */
export interface Box { page: number; rect: [number, number, number, number] }
export interface Passage extends At {
	chunkId: string; chunkIds: string[]; documentId: string; versionId: string; collectionId: string; name: string; title: string;
	heading: string; text: string; page: number; pageFirst: number; pageLast: number; byteStart: number; byteEnd: number;
	boxes: Box[]; tokens: number; score: number; lexicalRank: number | null; vectorRank: number | null;
	also?: Array<At & { documentId: string; name: string; chunkId: string; page: number }>;
}
export interface Candidate extends At {
	fusedRank: number; fate: string; kept?: boolean; handle?: number | null; chunkId?: string; documentId?: string; name?: string;
	heading?: string; lexicalRank?: number | null; vectorRank?: number | null; score?: number; tokens?: number; text?: string;
	sameAs?: number | null; rerankRank?: number | null;
}
export interface Retrieval {
	query?: string; rewritten?: 'model' | 'rule' | null; rerankError?: string | null; language?: string; weak?: boolean; evidence?: number; tokens?: number; budget?: number; hidden?: number;
	timeUs?: Record<string, number>; candidates?: Candidate[]; passages?: Partial<Passage>[];
}

export interface Conversation { id: string; title: string; createdMs: number; updatedMs: number; attachments?: Document[] }
export type RunState = 'queued' | 'streaming' | 'completed' | 'cancelled' | 'failed' | 'partial';
export type RunMode = 'model' | 'extractive' | 'refused';
export type Support = 'verified' | 'partial' | 'unverified';
/** One marker of an answer; answerStart and answerEnd are bytes of its UTF-8: the sentence that cites. */
export interface Citation extends At {
	ordinal: number; handle: number; documentId?: string; versionId?: string; chunkId?: string; name?: string;
	heading?: string; quote?: string | null; boxes?: Box[]; support?: Support; answerStart?: number; answerEnd?: number; gone?: boolean;
}
export interface Run {
	id: string; conversationId: string; turnSeq: number; state: RunState; mode: RunMode | null; model: string | null;
	answer: string; withheld?: boolean; citations: Citation[]; reason: string | null; message: string | null;
	usage?: { promptTokens: number | null; answerTokens: number | null }; createdMs: number; finishedMs: number | null; streamUrl: string;
}
export interface RunBrief { id: string; state: RunState; mode: RunMode | null; createdMs: number }
export interface Turn { seq: number; parentSeq: number | null; input: string; createdMs: number; run: Run; runs?: RunBrief[] }

export interface Setting {
	name: string; value: string; default: string; help: string; type?: string; source?: 'default' | 'file' | 'environment' | 'flag';
	secret?: boolean; live?: boolean; min?: number; max?: number; choices?: string;
}
export interface UsageRow {
	day: string; userId: string; name: string; displayName: string; model: string; runs: number; promptTokens: number; answerTokens: number;
}
