// Starts Swagger UI. In a file of its own, so that the page needs no inline script.
"use strict";

const root = document.getElementById("swagger-ui");

// The job id of the examples is replaced by that of the job that this page sent last.
const EXAMPLE = root.dataset.exampleJob;
let newest = EXAMPLE;

function withNewestJob(request) {
  request.url = request.url.replace(EXAMPLE, newest);
  return request;
}

function rememberJob(response) {
  if (/\/v1\/process\/\w+(\?|$)/.test(response.url)) newest = response.obj?.job_id ?? newest;
  return response;
}

window.ui = SwaggerUIBundle({
  url: root.dataset.url,
  domNode: root,
  deepLinking: true,
  showExtensions: true,
  showCommonExtensions: true,
  validatorUrl: null, // it would ask a server elsewhere
  requestInterceptor: withNewestJob,
  responseInterceptor: rememberJob,
  presets: [SwaggerUIBundle.presets.apis],
});
