// The bare transfer of what a first fetch fetches: the same requests, in the same pages, by curl.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Client } from "../window/client.mjs";

const PAGE = 500;
// As in crates/mail-jmap/src/wire/email.rs.
const PROPERTIES = [
  "id", "blobId", "threadId", "mailboxIds", "keywords", "receivedAt", "size", "from", "to", "cc", "bcc", "replyTo",
  "subject", "preview", "messageId", "inReplyTo", "references", "hasAttachment",
];

/** One page: the ids of a query and what they name, in one request. */
function page(account, position) {
  return {
    using: ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"],
    methodCalls: [
      ["Email/query", { accountId: account, position, limit: PAGE, sort: [{ property: "receivedAt", isAscending: false }] }, "q"],
      ["Email/get", { accountId: account, "#ids": { resultOf: "q", name: "Email/query", path: "/ids" }, properties: PROPERTIES }, "g"],
    ],
  };
}

/** Seconds and octets of fetching every message of some accounts, all accounts at once, each page after page. */
export async function bareTransfer(server, people, size) {
  const folder = mkdtempSync(join(tmpdir(), "braid-transfer-"));
  try {
    const configs = [];
    for (const [place, { connection, user }] of people.entries()) {
      const client = await Client.signIn(server, "app_braid", connection, user);
      const parts = [];
      for (let position = 0; position < size; position += PAGE) {
        const body = join(folder, `${place}-${position}.json`);
        writeFileSync(body, JSON.stringify(page(client.account, position)));
        parts.push([
          `url = "${client.session.apiUrl}"`,
          `header = "authorization: ${client.headers.authorization}"`,
          'header = "content-type: application/json"',
          `data-binary = "@${body}"`,
          'output = "/dev/null"',
          'write-out = "%{http_code} %{size_download}\\n"',
          "compressed", "silent", "fail",
        ].join("\n"));
      }
      const config = join(folder, `${place}.curl`);
      writeFileSync(config, `${parts.join("\nnext\n")}\n`, { mode: 0o600 });
      configs.push(config);
    }
    const begun = performance.now();
    const out = execFileSync("sh", ["-c", `for file in "$@"; do curl -K "$file" & done; wait`, "sh", ...configs], {
      encoding: "utf8",
      maxBuffer: 1 << 26,
    });
    const seconds = (performance.now() - begun) / 1000;
    const answers = out.trim().split("\n").map((line) => line.split(" ").map(Number));
    if (answers.some(([code]) => code !== 200)) throw new Error("a page was refused");
    return { seconds, requests: answers.length, octets: answers.reduce((sum, [, octets]) => sum + octets, 0) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
