// Read a document by the packages of Mistral and Azure for Node: node node_clients.mjs ADDRESS KEY FILE. Prints what they found.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [address, key, path] = process.argv.slice(2);
const packages = createRequire(process.cwd() + "/");
const load = async (name) => import(pathToFileURL(packages.resolve(name)));
const data = await readFile(path);
const found = {};

const { Mistral } = await load("@mistralai/mistralai");
const mistral = new Mistral({ apiKey: key, serverURL: address });
const file = await mistral.files.upload({ file: { fileName: "report.pdf", content: data }, purpose: "ocr" });
const signed = await mistral.files.getSignedUrl({ fileId: file.id });
const answer = await mistral.ocr.process({ model: "mistral-ocr-latest", document: { type: "document_url", documentUrl: signed.url } });
found.mistral = answer.pages.map((page) => page.markdown);
await mistral.files.delete({ fileId: file.id });
found.mistralRefusal = await new Mistral({ apiKey: "dp_live_wrong", serverURL: address }).files.list().catch((error) => error.statusCode);

const azure = await load("@azure-rest/ai-document-intelligence");
const makeClient = azure.default.default ?? azure.default;
const client = makeClient(address, { key }, { allowInsecureConnection: true });
const started = await client.path("/documentModels/{modelId}:analyze", "prebuilt-layout").post({
  contentType: "application/json",
  body: { base64Source: data.toString("base64") },
  queryParameters: { outputContentFormat: "markdown" },
});
if (azure.isUnexpected(started)) throw started.body.error;
const poller = azure.getLongRunningPoller(client, started, { intervalInMs: 500 });
const { analyzeResult } = (await poller.pollUntilDone()).body;
found.azure = { content: analyzeResult.content, pages: analyzeResult.pages.length, rows: analyzeResult.tables[0].rowCount };
const wrong = makeClient(address, { key: "dp_live_wrong" }, { allowInsecureConnection: true, retryOptions: { maxRetries: 0 } });
const body = { base64Source: data.toString("base64") };
const refused = await wrong.path("/documentModels/{modelId}:analyze", "prebuilt-read").post({ contentType: "application/json", body });
found.azureRefusal = refused.status;

console.log(JSON.stringify(found));
