// Sends a file with tus-js-client and prints the address of the upload. Arguments: endpoint, file, name, bytes of a piece (0: all in one), retries.
import { createReadStream } from "node:fs";
import { createRequire } from "node:module";

const tus = createRequire(`${process.cwd()}/`)("tus-js-client");
const [endpoint, path, filename, piece, retries] = process.argv.slice(2);
const upload = new tus.Upload(createReadStream(path), {
  endpoint,
  chunkSize: Number(piece) || Infinity,
  uploadSize: Number(piece) ? null : undefined,
  retryDelays: Array(Number(retries)).fill(250),
  metadata: { filename },
  onError: (error) => {
    console.error(String(error));
    process.exit(1);
  },
  onSuccess: () => console.log(upload.url),
});
upload.start();
