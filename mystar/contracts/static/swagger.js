// The page of the API's documents.
"use strict";

// One dialect is a fraction of the document, and shown as much sooner.
const dialect = new URLSearchParams(location.search).get("dialect");

// What the operation at this path of the document needs of it: itself and the components that it refers to.
function partOf(document, path) {
  const found = path.reduce((value, key) => value?.[key], document);
  const part = path.reduceRight((value, key) => ({ [key]: value }), found);
  const { openapi, info, servers } = document, components = { ...part.components }, waiting = [found];
  for (const one of waiting)
    for (const [, kind, name] of JSON.stringify(one ?? null).matchAll(/"#\/components\/(\w+)\/([^"]+)"/g))
      if (!components[kind]?.[name]) {
        const component = document.components[kind]?.[name];
        components[kind] = { ...components[kind], [name]: component };
        waiting.push(component);
      }
  return { openapi, info, servers, ...part, components };
}

const quickly = (system) => {
  const resolve = system.fn.resolveSubtree;
  return {
    // The resolver reads all of the document that it is given, seconds for the whole; so it is given the part.
    fn: { resolveSubtree: (document, path, options) => resolve(partOf(document, path), path, options) },
    statePlugins: { spec: { wrapActions: {
      // The document is JSON: the reader of YAML takes many times as long.
      parseToJson: (original, { specActions }) => (text) => specActions.updateJsonSpec(JSON.parse(text)),
    } } },
  };
};

// Finds operations by path and summary, not tags alone.
const filter = () => ({
  fn: {
    opsFilter: (tagged, phrase) => tagged
      .map((tag, name) => name.includes(phrase) ? tag : tag.set("operations", tag.get("operations").filter(
        (one) => `${one.get("path")} ${one.getIn(["operation", "summary"])}`.toLowerCase()
          .includes(phrase.toLowerCase()))))
      .filter((tag) => tag.get("operations").size > 0),
  },
});

window.ui = SwaggerUIBundle({
  url: "/api/docs/openapi.json" + (dialect ? `?dialect=${encodeURIComponent(dialect)}` : ""),
  dom_id: "#swagger-ui", deepLinking: true, docExpansion: "none", filter: true,
  // Schemas are shown with their operations, not all of them below.
  defaultModelsExpandDepth: -1,
  persistAuthorization: true, tryItOutEnabled: true,
  plugins: [quickly, filter],
});
