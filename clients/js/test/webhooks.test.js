// The signature of webhooks.

import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { test } from "node:test";
import { verifyWebhook, WebhookVerificationError } from "document-parser-client";

const SECRET = `whsec_${randomBytes(24).toString("base64")}`;
const OTHER = `whsec_${randomBytes(24).toString("base64")}`;
const BODY = JSON.stringify({ type: "job.completed", timestamp: "2026-09-21T13:33:20.000Z", data: { filename: "Straße \u{1F4C4}.pdf" } });

function signed(secret, { id = "msg_1", at = Math.floor(Date.now() / 1000), body = BODY } = {}) {
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  return { "webhook-id": id, "webhook-timestamp": String(at), "webhook-signature": `v1,${createHmac("sha256", key).update(`${id}.${at}.${body}`).digest("base64")}` };
}

test("a message that our secret has signed is returned", async () => {
  assert.equal((await verifyWebhook(BODY, signed(SECRET), SECRET)).data.filename, "Straße \u{1F4C4}.pdf");
  assert.equal((await verifyWebhook(Buffer.from(BODY), new Headers(signed(SECRET)), SECRET)).type, "job.completed");
  const titled = Object.fromEntries(Object.entries(signed(SECRET)).map(([name, value]) => [name.toUpperCase(), value]));
  assert.ok(await verifyWebhook(BODY, titled, SECRET));
});

test("while a secret is changed, one signature and one secret that fit are enough", async () => {
  const both = { ...signed(SECRET), "webhook-signature": `v1a,AAAA ${signed(OTHER)["webhook-signature"]} ${signed(SECRET)["webhook-signature"]}` };
  assert.ok(await verifyWebhook(BODY, both, SECRET));
  assert.ok(await verifyWebhook(BODY, signed(SECRET), `${OTHER} ${SECRET}`));
  assert.ok(await verifyWebhook(BODY, signed(SECRET), [OTHER, SECRET]));
});

test("anything else is refused", async () => {
  const now = Date.now() / 1000;
  const refused = [
    [BODY, signed(OTHER)],
    [`${BODY} `, signed(SECRET)],
    [BODY, signed(SECRET, { at: Math.floor(now - 301) })],
    [BODY, signed(SECRET, { at: Math.floor(now + 302) })],
    [BODY, { ...signed(SECRET), "webhook-id": "msg_2" }],
    [BODY, { ...signed(SECRET), "webhook-signature": "v1," }],
    [BODY, { ...signed(SECRET), "webhook-signature": "v1,no base64!" }],
    [BODY, { ...signed(SECRET), "webhook-timestamp": "soon" }],
    [BODY, {}],
  ];
  for (const [body, headers] of refused) await assert.rejects(verifyWebhook(body, headers, SECRET), WebhookVerificationError);
  for (const secret of ["", "whsec_", "whsec_?", []]) await assert.rejects(verifyWebhook(BODY, signed(SECRET), secret), WebhookVerificationError);
});
