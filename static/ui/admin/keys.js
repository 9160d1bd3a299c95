// API keys: made, replaced and ended here. A key itself is shown once, in a dialog, and is nowhere in the page afterwards.

import { client } from "../api.js";
import { byId, el, setText } from "../dom.js";
import { markField } from "../fields.js";
import { copy, notice } from "../notices.js";
import { addressOf, Filters, queryOf } from "./address.js";
import { confirm, onSubmit, openDialog, say } from "./dialogs.js";
import { Listing } from "./listing.js";
import { moment, named, pill } from "./records.js";

const STATES = { active: ["Works", "good"], expired: ["Expired", ""], revoked: ["Revoked", "bad"] };
const FIELDS = { name: "key-name", owner: "key-owner", tier: "key-tier", expires_at: "key-expires", origins: "key-origins" };
const HINTS = ["key-owner", "key-expires", "key-origins"];
const STEP = 200;

export class KeysSection {
  constructor(again) {
    this.filters = new Filters(byId("keys-filters"), "keys", again);
    this.list = new Listing(byId("keys-list"), {
      one: "key",
      home: byId("keys-title"),
      idOf: ({ id }) => id,
      columns: this.#columns(),
      empty: () => ["No keys", "None fits what was asked for. New key makes one."],
    });
    byId("new-key").addEventListener("click", () => this.#askForNew());
    onSubmit(byId("key-form"), (form) => this.#make(form), { problem: byId("key-problem"), fields: FIELDS });
    onSubmit(byId("rotate-form"), (form) => this.#rotate(form), { problem: byId("rotate-problem") });
    byId("copy-key").addEventListener("click", () => copy(byId("made-key").textContent, "Key"));
    byId("made-dialog").addEventListener("close", () => setText(byId("made-key"), ""));
  }

  open(asked) {
    const { owner, state } = this.filters.show(asked);
    this.list.open(async (cursor, signal) => {
      const from = Number(cursor ?? 0);
      const { keys } = await client.askJson(`/v1/keys?${queryOf({ owner })}`, { signal });
      const wanted = keys.filter((key) => state === "all" || key.state === "active");
      return { rows: wanted.slice(from, from + STEP), next: wanted.length > from + STEP ? from + STEP : null };
    });
  }

  close() {
    this.list.stop();
  }

  #columns() {
    return [
      { title: "Key", cell: ({ name, hint, id }) => named(name, el("code", {}, `${hint}…`), isOwn(id) && " · you are logged in with it") },
      { title: "Owner", cell: ({ owner }) => owner && el("a", { href: addressOf("jobs", { owner }), title: "Jobs of this owner" }, owner) },
      { title: "Tier", cell: ({ tier }) => tier },
      { title: "May", cell: ({ scopes, origins }) => [scopes.join(", "), origins.length > 0 && el("small", {}, `in pages of ${origins.join(", ")}`)] },
      { title: "State", cell: ({ state }) => pill(STATES[state]) },
      { title: "Used", cell: ({ last_used_at: at }) => moment(at) ?? "Never" },
      { title: "Ends", cell: ({ expires_at: at, revoked_at: revoked }) => moment(revoked ?? at) ?? "Never" },
      { title: "Do", kind: "acts", cell: (key) => key.state === "active" && this.#acts(key) },
    ];
  }

  #acts(key) {
    const button = (name, act, click, kind = "") => el("button", { class: `button small ${kind}`, type: "button", "aria-haspopup": "dialog", "aria-label": `${name} ${key.name}, ${key.hint}`, data: { act }, on: { click } }, name);
    return [!key.replaced_by && button("Replace", "rotate", () => this.#askForRotation(key)), button("Revoke", "revoke", () => this.#askForEnd(key), "danger")];
  }

  #askForNew() {
    byId("key-form").reset();
    say(byId("key-problem"), "");
    for (const id of Object.values(FIELDS)) markField(byId(id), "");
    for (const id of HINTS) byId(id).setAttribute("aria-describedby", `${id}-hint`);
    openDialog(byId("key-dialog"));
  }

  async #make(form) {
    if (missing("key-name") || missing("key-owner")) return;
    const data = new FormData(form);
    const day = data.get("expires");
    const json = { name: data.get("name").trim(), owner: data.get("owner").trim(), tier: data.get("tier"), scopes: data.getAll("scopes") };
    if (!json.scopes.length) return say(byId("key-problem"), "Choose at least one thing that the key may do.");
    const origins = data.get("origins").split(/[\s,]+/).filter(Boolean);
    if (origins.length) json.origins = origins;
    if (day) json.expires_at = new Date(`${day}T23:59:59`).toISOString();
    const made = await client.askJson("/v1/keys", { method: "POST", json, attempts: 1 });
    byId("key-dialog").close();
    this.#showMade(made, `It belongs to ${made.owner}.`);
  }

  #askForRotation(key) {
    this.replaced = key;
    byId("rotate-form").reset();
    say(byId("rotate-problem"), "");
    setText(byId("rotate-says"), `${key.name} (${key.hint}…) of ${key.owner}. The new key has the same owner, tier, scopes and end.`);
    openDialog(byId("rotate-dialog"), () => this.list.focus(key.id));
  }

  async #rotate(form) {
    const grace = Number(new FormData(form).get("grace"));
    const made = await client.askJson(`/v1/keys/${this.replaced.id}/rotate`, { method: "POST", json: { grace_seconds: grace }, attempts: 1 });
    byId("rotate-dialog").close();
    this.#showMade(made, grace ? "The old key works for a while longer, as you chose." : "The old key ends within five seconds.");
  }

  #askForEnd(key) {
    confirm({
      title: "Revoke the key?",
      says: `${key.name} (${key.hint}…) of ${key.owner} ends on every host within five seconds, for good.${isOwn(key.id) ? " You are logged in with it, and will be logged out." : ""}`,
      action: "Revoke it",
      instead: "Keep it",
      isEnd: true,
      lost: () => this.list.focus(key.id),
      act: async () => {
        await client.askJson(`/v1/keys/${key.id}/revoke`, { method: "POST" });
        await this.list.refresh();
        notice("The key is revoked.");
      },
    });
  }

  #showMade(made, rest) {
    setText(byId("made-key"), made.key);
    setText(byId("made-rest"), rest);
    openDialog(byId("made-dialog"), () => this.list.focus(made.id));
    byId("copy-key").focus();
    this.list.refresh();
  }
}

function missing(id) {
  const field = byId(id);
  const isMissing = markField(field, field.value.trim() ? "" : `${field.labels[0].textContent} is missing.`);
  if (isMissing) field.focus();
  return isMissing;
}

function isOwn(id) {
  return document.documentElement.dataset.keyId === id;
}
