// Starts Swagger UI. In a file of its own, so that the page needs no inline script.
"use strict";

const root = document.getElementById("swagger-ui");

window.ui = SwaggerUIBundle({
  url: root.dataset.url,
  domNode: root,
  deepLinking: true,
  showExtensions: true,
  showCommonExtensions: true,
  validatorUrl: null, // it would ask a server elsewhere
  presets: [SwaggerUIBundle.presets.apis],
});
