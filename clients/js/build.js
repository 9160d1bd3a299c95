// Makes dist/, which the package holds: the files that the web page uses, and with --types their declarations (by tsc, from npm)
// and the licence.

import { execFileSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const source = fileURLToPath(new URL("../../static/client", import.meta.url));
const dist = `${here}dist`;

rmSync(dist, { recursive: true, force: true });
cpSync(source, dist, { recursive: true });
if (process.argv.includes("--types")) {
  cpSync(`${here}types`, dist, { recursive: true });
  cpSync(`${here}../../LICENSE`, `${dist}/LICENSE`);
  const options = ["--project", "tsconfig.json", "--noEmit", "false", "--declaration", "--emitDeclarationOnly", "--outDir", dist];
  execFileSync("npx", ["--no-install", "tsc", ...options], { cwd: here, stdio: "inherit" });
}
