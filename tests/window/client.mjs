// Another mail client of the rehearsal's people, over plain HTTP: signs in without a browser
// and puts mail into an account from outside.
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const base64url = (bytes) => Buffer.from(bytes).toString("base64url");
const sha256 = (text) => createHash("sha256").update(text).digest();

/** The tenant's proof of work: a hash that begins with two zero characters. */
function antiAbuseHash(...values) {
  const value = values.filter(Boolean).join("|");
  const time = Date.now();
  for (let tries = 1; ; tries++) {
    const hash = base64url(sha256(`${time};${tries};${value}`));
    if (hash.startsWith("00")) return `v2;${time};${tries};${hash}`;
  }
}

/** The addresses of the rehearsal that runs inside a window with this folder. */
export function rehearsalIn(folder) {
  const { login, mail, control } = JSON.parse(readFileSync(join(folder, "data/rehearsal/ports.json"), "utf8"));
  const at = (port) => `http://127.0.0.1:${port}`;
  return { login: at(login), mail: at(mail), control: at(control) };
}

/**
 * The rehearsal of a window's folder as a program of its own, and the folder's tenant: it can be
 * reached before the window starts, and its start is not taken for the window's. Ends by SIGINT.
 */
export async function serveApart(cli, folder, { size, extraPeople = 0 }) {
  const state = join(folder, "data/rehearsal");
  const words = ["rehearsal", "serve", "--state", state, "--size", String(size), "--extra-people", String(extraPeople)];
  const serve = spawn(cli, words, { stdio: ["ignore", "pipe", "inherit"] });
  const line = await new Promise((said, failed) => {
    serve.stdout.once("data", (data) => said(String(data)));
    serve.once("exit", () => failed(new Error("the rehearsal did not start")));
  });
  const { login_url, application_id, mail_url } = JSON.parse(line);
  const tenant = `[tenant]\nlogin-host = "${login_url}"\napplication-id = "${application_id}"\n[tenant.mail]\njmap = "${mail_url}"\n`;
  writeFileSync(join(folder, "config/braid.toml"), tenant);
  return serve;
}

async function json(address, options) {
  const answer = await fetch(address, options);
  if (!answer.ok) throw new Error(`${address.split("?")[0]} answered ${answer.status}`);
  return answer.json();
}

/** What goes wrong in a rehearsal, switched on and off while it runs. */
export class Faults {
  constructor({ control }) {
    this.control = control;
  }

  async #post(path, order) {
    const answer = await fetch(this.control + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(order),
    });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  }

  /** Something happens to every request of one person to the mail server, or to the next few. */
  befall(person, act, times = null) {
    return this.#post("/faults/rules", { person, server: "mail", path: "*", act, times });
  }

  /** The tenant ends somebody's sessions. */
  endSessions(user) {
    return this.#post("/tenant/end-sessions", { user });
  }

  async clear() {
    await json(`${this.control}/faults`, { method: "DELETE" });
  }
}

/** Waits on loopback for the one redirect that carries the code. */
async function redirect() {
  let arrive;
  const arrived = new Promise((resolve) => (arrive = resolve));
  const server = createServer((request, response) => {
    arrive(new URL(request.url, "http://127.0.0.1"));
    response.end();
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { url: `http://127.0.0.1:${server.address().port}/back`, arrived, close: () => server.close() };
}

export class Client {
  /** Signs somebody in, named by connection and user id. */
  static async signIn({ login, mail }, applicationId, connectionId, person) {
    const back = await redirect();
    const headers = { "content-type": "application/json", origin: new URL(back.url).origin };
    const verifier = base64url(randomBytes(32));
    const begun = await json(`${login}/api/authentication`, {
      method: "POST",
      headers,
      body: JSON.stringify({
        applicationId,
        connectionId,
        redirectUrl: back.url,
        codeChallengeMethod: "S256",
        codeChallenge: base64url(sha256(verifier)),
        flowType: "code",
        responseLocation: "query",
        multiAccount: true,
        antiAbuseHash: antiAbuseHash(connectionId, applicationId),
      }),
    });
    const chosen = new URL(begun.authenticationUrl);
    chosen.searchParams.set("connection", connectionId);
    chosen.searchParams.set("person", person);
    await fetch(chosen);
    const code = (await back.arrived).searchParams.get("code");
    back.close();
    const id = begun.authenticationRequestId;
    const tokens = await json(`${login}/api/authentication/${id}/tokens`, {
      method: "POST",
      headers,
      body: JSON.stringify({
        grant_type: "authorization_code",
        redirect_uri: back.url,
        client_id: applicationId,
        code,
        code_verifier: verifier,
        antiAbuseHash: antiAbuseHash(applicationId, id, code),
      }),
    });
    const client = new Client();
    client.headers = { authorization: `Bearer ${tokens.access_token}` };
    client.session = await json(`${mail}/.well-known/jmap`, { headers: client.headers });
    client.account = client.session.primaryAccounts["urn:ietf:params:jmap:mail"];
    return client;
  }

  async call(method, values) {
    const reply = await json(this.session.apiUrl, {
      method: "POST",
      headers: { ...this.headers, "content-type": "application/json" },
      body: JSON.stringify({
        using: ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"],
        methodCalls: [[method, { accountId: this.account, ...values }, "0"]],
      }),
    });
    const [name, result] = reply.methodResponses[0];
    if (name === "error") throw new Error(`${method}: ${result.type}`);
    return result;
  }

  async #inbox() {
    const { list } = await this.call("Mailbox/get", { ids: null, properties: ["role"] });
    return list.find(({ role }) => role === "inbox").id;
  }

  /** Uploads a message; gives its blob. */
  async #upload({ from, to = null, subject, text, date, id, answers }) {
    const thread = answers ? [`In-Reply-To: ${answers}`, `References: ${answers}`] : [];
    const message = [
      `From: ${from}`,
      ...(to ? [`To: ${to}`] : []),
      `Subject: ${subject}`,
      `Date: ${date.toUTCString()}`,
      `Message-ID: ${id}`,
      ...thread,
      "Content-Type: text/plain; charset=utf-8",
      "",
      text,
    ].join("\r\n");
    const upload = this.session.uploadUrl.replace("{accountId}", this.account);
    const { blobId } = await json(upload, {
      method: "POST",
      headers: { ...this.headers, "content-type": "message/rfc822" },
      body: message,
    });
    return blobId;
  }

  /** Puts a new message into the inbox. */
  async deliver({ from, subject, text }) {
    const inbox = await this.#inbox();
    const id = `<${randomBytes(8).toString("hex")}@northwind.example>`;
    const blobId = await this.#upload({ from, subject, text, id, date: new Date() });
    const emails = { new: { blobId, mailboxIds: { [inbox]: true } } };
    const { created } = await this.call("Email/import", { emails });
    return created.new.id;
  }

  /**
   * Puts a conversation into the inbox, at once: messages an hour apart, the last of them now. All
   * but the newest `unread` are read.
   */
  async deliverConversation({ subject, from, to, texts, unread }) {
    const inbox = await this.#inbox();
    const root = `<${randomBytes(8).toString("hex")}@northwind.example>`;
    const emails = {};
    for (const [place, text] of texts.entries()) {
      const date = new Date(Date.now() - (texts.length - 1 - place) * 3_600_000);
      const id = place === 0 ? root : root.replace("@", `.${place}@`);
      const answers = place === 0 ? null : root;
      const again = place === 0 ? subject : `Re: ${subject}`;
      const blobId = await this.#upload({ from: from(place), to, subject: again, text, date, id, answers });
      const seen = place < texts.length - unread;
      emails[place] = {
        blobId,
        mailboxIds: { [inbox]: true },
        keywords: seen ? { $seen: true } : {},
        receivedAt: `${date.toISOString().slice(0, 19)}Z`,
      };
    }
    const { created } = await this.call("Email/import", { emails });
    if (Object.keys(created ?? {}).length !== texts.length) throw new Error("not everything was taken");
  }

  /** Keywords of a message, as the server has them. */
  async keywords(id) {
    const { list } = await this.call("Email/get", { ids: [id], properties: ["keywords"] });
    return Object.keys(list[0].keywords);
  }
}
