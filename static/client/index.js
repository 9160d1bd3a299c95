// The JavaScript client of the document parser. The web page uses these very files; clients/js makes a package of them.

export { Client } from "./client.js";
export { ApiError } from "./errors.js";
export { isAtRest } from "./jobs.js";
export { batchPath, jobPath } from "./requests.js";
export { RESUMABLE_BYTES } from "./resumable.js";
export { Download } from "./results.js";
export { verifyWebhook, WebhookVerificationError } from "./webhooks.js";
