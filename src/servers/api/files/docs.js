'use strict';

SwaggerUIBundle({
  url: '../v1/openapi.json',
  dom_id: '#api',
  deepLinking: true,
  // Without a value it would send the address of this server to a service of its makers.
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
