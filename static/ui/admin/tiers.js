// What each tier allows: limits in rows, tiers in columns.

import { client } from "../api.js";
import { byId, fill } from "../dom.js";
import { ENGINES } from "../words.js";
import { records, whole } from "./records.js";
import { loading, nothing, notLoaded } from "./states.js";

const number = (value) => whole(value);
const words = (values) => values.join(", ");

/** [field, title, how a value is written, what absence means] */
const LIMITS = [
  ["documents_per_day", "Documents a day", number, "No limit"],
  ["documents_per_month", "Documents a month", number, "No limit"],
  ["pages_per_month", "Pages a month", number, "No limit"],
  ["concurrent_jobs", "Documents at once", number, "No limit"],
  ["requests_per_minute", "Requests a minute", number, "No limit"],
  ["max_file_mb", "Largest file", (value) => `${whole(value)} MiB`, "That of the server"],
  ["engines", "Engines", (names) => names.map((name) => ENGINES[name] ?? name).join(", "), "All"],
  ["modes", "Modes", words, "All"],
  ["lanes", "Lanes", words, "All"],
  ["retention_hours", "Results are kept", (hours) => `${hours} h`, "As the server keeps them"],
  ["quota_status", "Answer beyond a quota", String, "429"],
  ["anonymous", "Callers without a key", (value) => (value ? "Have this tier" : "No"), "No"],
];

export class TiersSection {
  async open() {
    const place = byId("tiers-list");
    fill(place, loading("tiers"));
    try {
      const { tiers } = await client.askJson("/v1/system");
      const columns = inOrder(Object.keys(tiers)).map((name) => ({ title: name, cell: (limit) => written(tiers[name], limit) }));
      fill(place, columns.length ? records("Tiers", [{ title: "Limit", cell: ([, title]) => title }, ...columns], LIMITS) : nothing("No tiers", "TIERS_FILE has none."));
    } catch (error) {
      fill(place, notLoaded(error, "tiers", () => this.open()));
    }
  }

  close() {}
}

/** As TIERS_FILE has them, which the page knows from the choice for a new key: JSON has them by name. */
function inOrder(names) {
  const order = [...byId("key-tier").options].map(({ value }) => value);
  return names.sort((one, other) => order.indexOf(one) - order.indexOf(other));
}

function written(tier, [field, , write, absent]) {
  const value = tier[field];
  return value === null || value === undefined ? absent : write(value);
}
