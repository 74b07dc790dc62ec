// Another mail client of the rehearsal's people, over plain HTTP: signs in without a browser
// and puts mail into an account from outside.
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
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
  const { login, mail } = JSON.parse(readFileSync(join(folder, "data/rehearsal/ports.json"), "utf8"));
  return { login: `http://127.0.0.1:${login}`, mail: `http://127.0.0.1:${mail}` };
}

async function json(address, options) {
  const answer = await fetch(address, options);
  if (!answer.ok) throw new Error(`${address.split("?")[0]} answered ${answer.status}`);
  return answer.json();
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

  /** Puts a new message into the inbox. */
  async deliver({ from, subject, text }) {
    const { list } = await this.call("Mailbox/get", { ids: null, properties: ["role"] });
    const inbox = list.find(({ role }) => role === "inbox").id;
    const message = [
      `From: ${from}`,
      `Subject: ${subject}`,
      `Date: ${new Date().toUTCString()}`,
      `Message-ID: <${randomBytes(8).toString("hex")}@northwind.example>`,
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
    const emails = { new: { blobId, mailboxIds: { [inbox]: true } } };
    const { created } = await this.call("Email/import", { emails });
    return created.new.id;
  }

  /** Keywords of a message, as the server has them. */
  async keywords(id) {
    const { list } = await this.call("Email/get", { ids: [id], properties: ["keywords"] });
    return Object.keys(list[0].keywords);
  }
}
