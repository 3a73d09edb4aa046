// @ts-check
/** Shows the gateway's own OpenAPI document. Everything comes from there, and is put on the page as text alone. */

/** @typedef {Record<string, any>} Json */

const METHODS = ["get", "post", "put", "patch", "delete"];

/**
 * @param {string} name
 * @param {Record<string, string>} attributes
 * @param {(Node | string)[]} children
 */
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/**
 * What a `$ref` stands for.
 * @param {Json} whole
 * @param {Json} schema
 * @returns {Json}
 */
function resolved(whole, schema) {
  if (typeof schema.$ref !== "string") return schema;
  return schema.$ref.split("/").slice(1).reduce((/** @type {Json} */ part, key) => part[key], whole);
}

/**
 * A schema in few words.
 * @param {Json} schema
 * @returns {string}
 */
export function inShort(schema) {
  if (typeof schema.$ref === "string") return String(schema.$ref.split("/").pop());
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum)) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  const choices = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(choices)) return choices.map(inShort).join(" | ");
  if (schema.type === "array") return `list of ${inShort(schema.items ?? {})}`;
  return Array.isArray(schema.type) ? schema.type.join(" | ") : (schema.type ?? "anything");
}

/**
 * Its members, one a row.
 * @param {Json} whole
 * @param {Json} schema
 */
function members(whole, schema) {
  const { properties = {}, required = [] } = resolved(whole, schema);
  const rows = Object.entries(properties).map(([name, member]) =>
    element(
      "tr",
      {},
      element("td", {}, element("code", {}, name), required.includes(name) ? "" : " (optional)"),
      element("td", {}, inShort(member)),
      element("td", {}, member.description ?? ""),
    ),
  );
  return rows.length ? element("table", {}, ...rows) : "";
}

/** @param {Json} operation */
function parameters(operation) {
  const rows = (operation.parameters ?? []).map((/** @type {Json} */ one) =>
    element(
      "tr",
      {},
      element("td", {}, element("code", {}, one.name), one.required ? "" : " (optional)"),
      element("td", {}, one.in),
      element("td", {}, inShort(one.schema)),
      element("td", {}, one.description ?? ""),
    ),
  );
  return rows.length ? [element("h3", {}, "Parameters"), element("table", {}, ...rows)] : [];
}

/**
 * @param {Json} whole
 * @param {Json} operation
 */
function body(whole, operation) {
  const content = operation.requestBody?.content ?? {};
  return Object.entries(content).flatMap(([type, { schema }]) => {
    const choices = schema.oneOf ?? schema.anyOf ?? [schema];
    return [
      element("h3", {}, `Body: ${type}`),
      ...choices.flatMap((/** @type {Json} */ one) => [element("p", {}, inShort(one)), members(whole, one)]),
    ];
  });
}

/**
 * @param {Json} whole
 * @param {Json} operation
 */
function answers(whole, operation) {
  return Object.entries(operation.responses).map(([status, answer]) => {
    const shown = element("details", {}, element("summary", {}, `${status}: ${answer.description}`));
    for (const [type, { schema = {}, example, examples = {} }] of Object.entries(answer.content ?? {})) {
      shown.append(element("p", {}, `${type}, ${inShort(schema)}`), members(whole, schema));
      const all = example === undefined ? Object.values(examples).map((one) => one.value) : [example];
      shown.append(...all.map((one) => element("pre", {}, JSON.stringify(one, null, 2))));
    }
    return shown;
  });
}

/**
 * @param {Json} whole
 * @param {string} method
 * @param {string} address
 * @param {Json} operation
 */
function section(whole, method, address, operation) {
  const open = operation.security?.length === 0;
  return element(
    "section",
    { id: operation.operationId },
    element("h2", {}, operation.summary ?? operation.operationId),
    element("p", {}, element("span", { class: "method" }, method.toUpperCase()), element("span", { class: "address" }, address)),
    element("p", {}, operation.description ?? ""),
    element("p", {}, open ? "Open to all." : "Needs a token or a session."),
    ...parameters(operation),
    ...body(whole, operation),
    element("h3", {}, "Answers"),
    ...answers(whole, operation),
  );
}

/** @param {Json} whole */
function show(whole) {
  const contents = /** @type {HTMLElement} */ (document.getElementById("contents"));
  const main = /** @type {HTMLElement} */ (document.getElementById("operations"));
  main.replaceChildren(
    element("h1", {}, `${whole.info.title} ${whole.info.version}`),
    element("p", {}, whole.info.description),
    element("p", {}, element("a", { href: "/api/v1/openapi.json" }, "OpenAPI document")),
  );
  for (const { name, description } of whole.tags) {
    const links = element("ul", {});
    contents.append(element("h2", {}, name), element("p", {}, description), links);
    for (const [address, methods] of Object.entries(whole.paths)) {
      for (const method of METHODS.filter((one) => methods[one]?.tags?.includes(name))) {
        const operation = methods[method];
        main.append(section(whole, method, address, operation));
        links.append(element("li", {}, element("a", { href: `#${operation.operationId}` }, operation.operationId)));
      }
    }
  }
}

if (typeof document !== "undefined") {
  const answer = await fetch("/api/v1/openapi.json");
  show(await answer.json());
}
