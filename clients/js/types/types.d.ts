// Names for what the API takes and returns. Everything in openapi.d.ts and codes.d.ts is generated (make js-types).

import type { components, operations } from "./openapi.js";

type Schemas = components["schemas"];
type Query<Operation extends keyof operations> = NonNullable<operations[Operation]["parameters"]["query"]>;
type Json<Operation extends keyof operations> = operations[Operation] extends { requestBody?: { content: { "application/json": infer Body } } } ? Body : never;

export type { ErrorCode } from "./codes.js";

/** What a document may be sent with; docs/api.md says what each option does. */
export type Options = Omit<Json<"process_async">, "upload_id" | "filename">;
export type OutputFormat = Schemas["Result"]["format"];
export type Accepted = Schemas["Accepted"];
export type UploadState = Schemas["UploadState"];

export type JobStatus = Schemas["JobStatus"];
export type Jobs = Schemas["Jobs"];
export type Cancelled = Schemas["Cancelled"];
export type Deleted = Schemas["Deleted"];
export type Children = Schemas["Children"];
export type PageEntry = Schemas["PageEntry"];
export type PageView = Schemas["PageView"];
export type Rereading = Schemas["Rereading"];
export type RetryChoice = Partial<NonNullable<Json<"retry_page">>>;

export type Result = Schemas["Result"];
export type Document = Schemas["Document"];
export type Page = Schemas["Page"];
export type Block = Schemas["Block"];
export type Chunk = Schemas["Chunk"];
export type ChunkList = Schemas["ChunkTable"];
export type Chunking = Pick<Query<"job_chunks">, "max_tokens" | "overlap" | "strategy">;
export type Citation = Schemas["Citation"];

export type BatchAccepted = Schemas["BatchAccepted"];
export type BatchStatus = Schemas["BatchStatus"];
export type BatchCancelled = Schemas["BatchCancelled"];
export type BatchDeleted = Schemas["BatchDeleted"];

export type Order = Partial<Json<"extract_from_job">>;
export type Extraction = Schemas["Extraction"];
export type SchemaSummary = Schemas["SchemaSummary"];
export type SchemaValidity = Schemas["SchemaValidity"];
export type Classification = Schemas["Classification"];

export type Health = Schemas["Health"];
export type System = Schemas["System"];

/** A webhook, as docs/webhooks.md describes it. `data` is the status of the job or batch and more; that of a ping is empty. */
export interface WebhookMessage {
  type: string;
  timestamp: string;
  data: Record<string, any>;
}
