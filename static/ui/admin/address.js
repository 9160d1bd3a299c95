// The address says which section is open and what is asked for, so that it can be kept, sent and gone back to.

const ADDRESS = /^#\/([a-z]+)(?:\/([0-9a-f-]{36}))?(?:\?(.*))?$/;

/** {section, id, asked} of the address; `asked` is a URLSearchParams. */
export function readAddress() {
  const [, section = "", id = "", query = ""] = ADDRESS.exec(location.hash) ?? [];
  return { section, id, asked: new URLSearchParams(query) };
}

/** The address of a section; empty values are left out, but for those of fields that are otherwise filled. */
export function addressOf(section, asked = {}, otherwise = {}) {
  const emptied = Object.keys(asked).filter((name) => asked[name] === "" && otherwise[name]);
  const query = [queryOf(asked), ...emptied.map((name) => `${name}=`)].filter(Boolean).join("&");
  return `#/${section}${query ? `?${query}` : ""}`;
}

export function queryOf(asked) {
  return String(new URLSearchParams(Object.entries(asked).filter(([, value]) => value !== "" && value !== null && value !== undefined)));
}

/**
 * Ties a form of filters to the address of its section; `again()` loads what was asked for before, `otherwise()` returns
 * values of fields of which the address says nothing.
 */
export class Filters {
  constructor(form, section, again, otherwise = () => ({})) {
    Object.assign(this, { form, otherwise });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const to = addressOf(section, this.values, this.otherwise());
      if (to === location.hash) again();
      else location.hash = to;
    });
  }

  get values() {
    return Object.fromEntries([...new FormData(this.form)].map(([name, value]) => [name, value.trim()]));
  }

  /** Fills the fields with what the address asks for. */
  show(asked) {
    const otherwise = this.otherwise();
    for (const field of this.form.elements) if (field.name) field.value = asked.get(field.name) ?? otherwise[field.name] ?? "";
    return this.values;
  }
}

/** The first and the last day of a form as moments: `until` is the end of its day. Days are those of the browser's place. */
export function moments({ since, until, ...others }) {
  return { ...others, since: since && new Date(`${since}T00:00`).toISOString(), until: until && after(until).toISOString() };
}

function after(day) {
  const moment = new Date(`${day}T00:00`);
  moment.setDate(moment.getDate() + 1);
  return moment;
}

/** A day in UTC, so many days before today. */
export function dayBefore(days) {
  return new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
}
