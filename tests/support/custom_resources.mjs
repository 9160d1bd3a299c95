// Check custom resources against the schemas of their definitions: custom_resources.mjs FOLDER < objects.json, FOLDER with node_modules.
// Prints a line for each fault, and a line "unknown KIND" for a kind that it has no schema of.
import { readFileSync } from "node:fs";

const PACKAGES = {
  "keda.sh/v1alpha1": "@kubernetes-models/keda",
  "monitoring.coreos.com/v1": "@kubernetes-models/prometheus-operator",
  "argoproj.io/v1alpha1": "@kubernetes-models/argo-rollouts",
  "external-secrets.io/v1": "@kubernetes-models/external-secrets",
  "external-secrets.io/v1beta1": "@kubernetes-models/external-secrets",
};

for (const object of JSON.parse(readFileSync(0, "utf8"))) {
  const name = `${object.kind} ${object.metadata.name}`;
  let kinds = {};
  try {
    kinds = await import(`${process.argv[2]}/node_modules/${PACKAGES[object.apiVersion]}/${object.apiVersion}/index.js`);
  } catch {
    // No schema of this version.
  }
  if (!kinds[object.kind]) {
    console.log(`unknown ${object.apiVersion} ${object.kind}`);
    continue;
  }
  try {
    new kinds[object.kind](object).validate();
  } catch (error) {
    console.log(`${name}: ${error.message}`);
  }
}
