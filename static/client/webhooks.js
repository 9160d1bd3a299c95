// The signature of a webhook (https://www.standardwebhooks.com), for receivers on Node and other servers with WebCrypto.

const TOLERANCE_SECONDS = 300;

/** A message that is not signed with our secret, or too old. Answer it with 401. */
export class WebhookVerificationError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = "WebhookVerificationError";
  }
}

/**
 * Returns the message of a webhook if one of the secrets has signed it. Throws WebhookVerificationError.
 * @param {string | Uint8Array<ArrayBuffer>} body as it came, before anything parses it
 * @param {Headers | Record<string, string | string[] | undefined>} headers of the request; Node's `request.headers` as they are
 * @param {string | string[]} secrets what `docparse webhook-secret` prints; several while it is being changed
 * @param {{toleranceSeconds?: number, now?: number}} [options] `now` in seconds since 1970
 * @returns {Promise<import("./types.js").WebhookMessage>}
 */
export async function verifyWebhook(body, headers, secrets, { toleranceSeconds = TOLERANCE_SECONDS, now = Date.now() / 1000 } = {}) {
  const [id, timestamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => headerOf(headers, name));
  if (!id || !timestamp || !signatures) throw new WebhookVerificationError("The headers of a signed webhook are missing.");
  if (!/^\d+$/.test(timestamp) || Math.abs(now - Number(timestamp)) > toleranceSeconds) throw new WebhookVerificationError("The timestamp is too far from this machine's time.");
  const content = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const signed = await new Blob([`${id}.${timestamp}.`, content]).arrayBuffer();
  const given = signatures.split(" ").filter((one) => one.startsWith("v1,")).map((one) => bytesOf(one.slice(3)));
  for (const secret of [secrets].flat().flatMap((one) => one.split(/[\s,]+/))) {
    const raw = bytesOf(secret.replace(/^whsec_/, ""));
    if (!raw.length) continue;
    const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
    for (const signature of given) if (await crypto.subtle.verify("HMAC", key, signature, signed)) return JSON.parse(new TextDecoder().decode(content));
  }
  throw new WebhookVerificationError("This is not signed with our secret.");
}

/**
 * @param {Headers | Record<string, string | string[] | undefined>} headers
 * @param {string} name
 */
function headerOf(headers, name) {
  if (headers instanceof Headers) return headers.get(name) ?? "";
  const found = Object.entries(headers).find(([other]) => other.toLowerCase() === name)?.[1];
  return String(found ?? "");
}

/**
 * The bytes of a text in base64; none if it is not.
 * @param {string} text
 */
function bytesOf(text) {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return new Uint8Array(0);
  }
}
