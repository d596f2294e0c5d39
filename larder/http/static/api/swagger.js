"use strict";

// Swagger UI reads the whole document again for each operation that is opened, and once at the start,
// to resolve references: seconds on a phone. All references of the document are to its own parts.
const resolved = (value, whole, above) => {
  if (Array.isArray(value)) return value.map((one) => resolved(one, whole, above));
  if (value === null || typeof value !== "object") return value;
  const target = value.$ref;
  if (typeof target !== "string") {
    const parts = Object.entries(value).map(([name, one]) => [name, resolved(one, whole, above)]);
    return Object.fromEntries(parts);
  }
  if (above.includes(target)) return {};
  const names = target.slice(2).split("/");
  const found = names.reduce((part, name) => part[name.replace(/~1/g, "/").replace(/~0/g, "~")], whole);
  return resolved(found, whole, [...above, target]);
};

const resolveHere = () => {
  let read = null, whole = null;
  return {
    statePlugins: {
      spec: {
        wrapActions: {
          requestResolvedSubtree: (original, system) => (path) => {
            const document = system.specSelectors.specJson();
            if (document !== read) [read, whole] = [document, document.toJS()];
            const part = path.reduce((above, name) => above && above[name], whole);
            return system.specActions.updateResolvedSubtree(path, resolved(part, whole, []));
          },
        },
      },
    },
  };
};

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [resolveHere],
  layout: "BaseLayout",
  deepLinking: true,
});
