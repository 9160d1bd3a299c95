// curl commands for the same requests. File names are quoted, so that the shell takes each as one word.

/** The lines that send a file with these options and fetch the result. */
export function curlLines(fileName, options, { jobId = null, password = false } = {}) {
  const lines = [`curl${key()} -F ${word(`file=@${curlFile(fileName)}`)}${fields(options)}${password ? ' -F "password=$PASSWORD"' : ""} ${address("/v1/process/async")}`];
  if (jobId) lines.push(resultLine(jobId, options.output_format));
  return lines.join("\n");
}

/** The lines that have the server fetch a document, and fetch the result. */
export function linkCurlLines(source, jobId) {
  const isObject = source.startsWith("s3://");
  const body = JSON.stringify({ [isObject ? "s3_uri" : "url"]: source });
  const sends = `curl${key()} -H "Content-Type: application/json" -d ${word(body)} ${address(isObject ? "/v1/process/s3" : "/v1/process/url")}`;
  return `${sends}\n${resultLine(jobId)}`;
}

/** The line that fetches a result. */
export function resultLine(jobId, format = "markdown") {
  return `curl${key()} -OJ ${word(address(`/v1/jobs/${jobId}/download?format=${format || "markdown"}`))}`;
}

/** The caller's key, where requests need one: the page does not know it. */
function key() {
  return "sendsKey" in document.documentElement.dataset ? ' -H "X-API-Key: $API_KEY"' : "";
}

function fields(options) {
  const given = Object.entries(options).filter(([name, value]) => value !== "" && name !== "password");
  return given.map(([name, value]) => ` ${name === "page_separator" ? "--form-string" : "-F"} ${word(`${name}=${value}`)}`).join("");
}

/** curl itself gives meaning to these in a file's name; inside double quotes it takes them as they are. */
function curlFile(name) {
  return /[";,\\]|^\s|\s$/.test(name) ? `"${name.replace(/[\\"]/g, "\\$&")}"` : name;
}

function word(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function address(path) {
  return location.origin + path;
}
