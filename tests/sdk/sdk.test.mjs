// The official login client, as published, signs in at the rehearsal. What it demands of a tenant is what the
// rehearsal has to do.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";

import { Rehearsal } from "./rehearsal.mjs";
import { VERSIONS, startPages, startSecurePages } from "./sites.mjs";
import { Visit, launchBrowser } from "./visit.mjs";

const WORK = "northwind|ana.moreau";
const HOME = "google|104822617305";
const CHOIR = "github|4417208";
const CODE = { flowType: "code", responseLocation: "query" };
const subjectOf = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url")).sub;

let browser;
let pages;
let local;
let securePages;
let secure;
const open = [];

before(async () => {
  browser = await launchBrowser();
  pages = await startPages();
  local = await Rehearsal.start();
  securePages = await startSecurePages(() => secure.login_listener_url);
  const at = (name) => `https://${name}:${securePages.port}`;
  const options = ["--login-url", at("login.northwind.example")];
  secure = await Rehearsal.start(
    ...options,
    "--redirect-url",
    at("northwind.example"),
    "--redirect-url",
    at("choir.example"),
  );
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((visit) => visit.close()));
  await Promise.all([local.heal(), secure.heal()]);
});

after(async () => {
  await browser?.close();
  await Promise.all([pages?.stop(), securePages?.stop(), local?.stop(), secure?.stop()]);
});

async function visit(version, origin, rehearsal, more = {}) {
  const opened = await Visit.open(browser, { version, origin, rehearsal, ...more });
  open.push(opened);
  return opened;
}

test("a rehearsal ends in good order when the system asks it to", async () => {
  const asked = await Rehearsal.start();
  assert.equal(await asked.terminate(), 0);
});

for (const version of Object.keys(VERSIONS)) {
  describe(`@authress/login ${version} on localhost`, () => {
    const here = () => `http://localhost:${pages.port}`;
    const start = (more) => visit(version, here(), local, more);

    test("tokens come in the query, by default", async () => {
      const app = await start();
      assert.equal(await app.signedIn(), false);
      await app.signIn({});
      assert.equal(await app.signedIn(), true);
      assert.equal(await app.who(), WORK);
      assert.deepEqual(app.returnedNames().sort(), [
        "access_token",
        "expires_in",
        "id_token",
        "iss",
        "nonce",
      ]);
      assert.equal(
        app.page.url().includes("access_token"),
        false,
        "the client takes them out of the address",
      );
      assert.equal(subjectOf(await app.client("ensureToken")), WORK);
      assert.deepEqual(await app.callsOf("PATCH", "/api/session"), []);
    });

    test("a code comes alone and is exchanged", async () => {
      const app = await start();
      await app.signIn({ ...CODE, connectionId: "google" }, null, "ana.m@mail.example");
      assert.equal(await app.signedIn(), true);
      assert.equal(await app.who(), "google|104822617305");
      assert.deepEqual(app.returnedNames().sort(), ["code", "iss", "nonce"]);
      const nonce = new URL(app.cameBack).searchParams.get("nonce");
      const [exchange, ...more] = await app.callsOf("POST", `/api/authentication/${nonce}/tokens`);
      assert.deepEqual(more, []);
      assert.equal(exchange.headers.cookie, undefined, "a localhost page never sends cookies");
      assert.equal(subjectOf(await app.client("ensureToken")), "google|104822617305");
    });

    test('a code that was used before is "not signed in" and no error', async () => {
      const app = await start();
      await app.signIn(CODE);
      const again = app.cameBack;
      const { searchParams } = new URL(again);
      assert.equal(await app.signedIn(), true);
      await app.forgetTokens();
      const request = {
        nonce: searchParams.get("nonce"),
        codeVerifier: "x".repeat(64),
        redirectUrl: app.home,
      };
      await app.page.evaluate(
        (kept) => localStorage.setItem("AuthenticationRequestNonce", kept),
        JSON.stringify(request),
      );
      await app.page.goto(again);
      assert.equal(await app.signedIn(), false);
      assert.equal(
        (await app.callsOf("POST", `/api/authentication/${request.nonce}/tokens`)).length,
        2,
      );
    });

    test("a reload after the tokens have gone means signing in again, without asking for the session", async () => {
      const app = await start();
      await app.signIn({});
      await app.signedIn();
      await app.forgetTokens();
      assert.equal(await app.signedIn(), false);
      assert.deepEqual(await app.callsOf("PATCH", "/api/session"), []);
    });

    test("profile, credentials and devices are read with the token", async () => {
      const app = await start();
      await app.signIn({});
      await app.signedIn();
      await readsWhatItMay(app, version, { bearer: true });
    });

    test("an identity is linked, seen and taken away with the token", async () => {
      await linksAndUnlinks(await start(), version, { bearer: true });
    });

    test("linking says no in its own words", async () => {
      await isToldWhyNot(await start(), local);
    });

    test("signing out goes by the logout page and back", async () => {
      const app = await start();
      await app.signIn({});
      await app.signedIn();
      await Promise.all([
        app.page.waitForRequest((request) => new URL(request.url()).pathname === "/logout"),
        app.page.evaluate((home) => {
          window.client.logout(home);
        }, `${app.home}&bye`),
      ]);
      await app.page.waitForURL(`${app.home}&bye`);
      assert.equal(await app.signedIn(), false);
      assert.equal(await app.cookie("authress-session"), undefined);
      assert.equal(await app.cookie("authorization"), undefined);
    });

    test("a page on the tenant's own host name is handed the address instead", async () => {
      const app = await visit(version, `http://127.0.0.1:${pages.port}`, local);
      const given = await app.client("authenticate", CODE);
      assert.equal(new URL(given.authenticationUrl).hostname, "127.0.0.1");
      await app.page.goto(given.authenticationUrl);
      await app.choose("GitHub", "ana@choir.example");
      assert.equal(await app.signedIn(), true);
      assert.equal(await app.who(), "github|4417208");
    });

    test("multi-account asks again although the browser is signed in", async () => {
      const app = await start();
      await app.signIn(CODE);
      await app.signedIn();
      await app.signIn({ ...CODE, multiAccount: true }, "Google", "ana.m@mail.example");
      assert.equal(await app.signedIn(), true);
      assert.equal(await app.who(), "google|104822617305");
    });

    test("a refusal reaches the program with its code and words, after one attempt", async () => {
      const app = await start({ application: "app_other" });
      const { error } = await app.client("authenticate", CODE);
      assert.deepEqual(error, {
        code: "UnknownApplication",
        message: "The application is not known to this tenant",
      });
      assert.equal((await app.callsOf("POST", "/api/authentication")).length, 1);
    });

    test("a failing tenant is asked five times, and once more is enough when it recovers", async () => {
      const app = await start();
      const fault = {
        path: "/api/authentication",
        method: "POST",
        act: { kind: "status", status: 500 },
      };
      await local.fault({ ...fault, times: 5 });
      const { error } = await app.client("authenticate", CODE);
      assert.match(error.message, /Network Error/);
      assert.equal((await app.callsOf("POST", "/api/authentication")).length, 5);
      await local.fault({ ...fault, times: 1 });
      await app.signIn(CODE);
      assert.equal(await app.signedIn(), true);
    });

    test("without the nonce the client does not sign in", async () => {
      await local.switch("no-nonce", true);
      const app = await start();
      await app.signIn(CODE);
      assert.equal(await app.signedIn(), false);
      assert.equal(
        app.calls.some((call) => call.path.endsWith("/tokens")),
        false,
      );
    });
  });

  describe(`@authress/login ${version} beside the tenant, on https`, () => {
    const start = () => visit(version, `https://app.northwind.example:${securePages.port}`, secure);

    test("tokens come as cookies, by default", async () => {
      const app = await start();
      assert.equal(await app.signedIn(), false);
      await app.signIn({});
      assert.equal(await app.signedIn(), true);
      assert.equal(await app.who(), WORK);
      assert.deepEqual(app.returnedNames().sort(), ["iss", "nonce"]);
      assert.equal(
        app.calls.some((call) => call.path.endsWith("/tokens")),
        false,
      );
      assert.equal(await app.client("ensureToken"), await app.cookie("authorization"));
    });

    test("a code in the query is exchanged with cookies", async () => {
      const app = await start();
      await app.signIn(CODE);
      assert.equal(await app.signedIn(), true);
      const nonce = new URL(app.cameBack).searchParams.get("nonce");
      const [exchange] = await app.callsOf("POST", `/api/authentication/${nonce}/tokens`);
      assert.match(exchange.headers.cookie, /authress-session=/);
      assert.equal(subjectOf(await app.client("ensureToken")), WORK);
    });

    test("a code comes as a cookie", async () => {
      const app = await start();
      await app.signIn({ flowType: "code" });
      const back = new URL(app.cameBack).searchParams;
      assert.equal(back.get("code"), "cookie");
      assert.equal(await app.signedIn(), true);
      const path = `/api/authentication/${back.get("nonce")}/tokens`;
      assert.equal((await app.callsOf("POST", path)).length, 1);
      assert.equal(await app.who(), WORK);
      assert.equal(subjectOf(await app.client("ensureToken")), WORK);
    });

    test("the session renews lost tokens and its cookie changes", async () => {
      const app = await start();
      await app.signIn({});
      await app.signedIn();
      for (let round = 0; round < 2; round += 1) {
        const before = await app.cookie("authress-session");
        await app.forgetTokens();
        const asked = (await app.callsOf("PATCH", "/api/session")).length;
        assert.equal(await app.cookie("authorization"), undefined);
        assert.equal(await app.signedIn(), true);
        assert.equal(await app.who(), WORK);
        assert.equal(subjectOf(await app.client("ensureToken")), WORK);
        assert.equal((await app.callsOf("PATCH", "/api/session")).length, asked + 1);
        assert.notEqual(await app.cookie("authress-session"), before);
      }
    });

    test("renewing works when tokens come as cookies alone", async () => {
      await secure.switch("cookie-only-tokens", true);
      const app = await start();
      await app.signIn({});
      await app.signedIn();
      await app.forgetTokens();
      assert.equal(await app.signedIn(), true);
      assert.equal(subjectOf(await app.client("ensureToken")), WORK);
    });

    test("profile goes by cookie, credentials and devices by token", async () => {
      const app = await start();
      await app.signIn({});
      await app.signedIn();
      await readsWhatItMay(app, version, { bearer: false });
    });

    test("an identity is linked, seen and taken away with the session", async () => {
      await linksAndUnlinks(await start(), version, { bearer: false });
    });

    test("linking says no in its own words", async () => {
      await isToldWhyNot(await start(), secure);
    });

    test("signing out ends the session in place", async () => {
      const app = await start();
      await app.signIn({});
      await app.signedIn();
      await app.client("logout");
      assert.equal((await app.callsOf("DELETE", "/api/session")).length, 1);
      assert.equal(app.page.url().startsWith(app.origin), true);
      for (const name of ["authress-session", "authorization", "user"]) {
        assert.equal(await app.cookie(name), undefined, name);
      }
      assert.equal(await app.signedIn(), false);
    });
  });

  describe(`@authress/login ${version} where no cookies reach the tenant`, () => {
    const places = {
      "on plain http": () => [`http://app.localhost:${pages.port}`, local],
      "on another site": () => [`https://sing.choir.example:${securePages.port}`, secure],
    };
    for (const [place, where] of Object.entries(places)) {
      test(`a code signs in ${place}, and a reload without tokens finds no session`, async () => {
        const app = await visit(version, ...where());
        await app.signIn(CODE);
        assert.equal(await app.signedIn(), true);
        assert.equal(await app.who(), WORK);
        await app.forgetTokens();
        const before = (await app.callsOf("PATCH", "/api/session")).length;
        assert.equal(await app.signedIn(), false);
        const asked = (await app.callsOf("PATCH", "/api/session")).slice(before);
        assert.equal(asked.length, 1, "a 404 is not tried again");
        assert.equal(asked[0].headers.cookie, undefined);
      });
    }
  });
}

test("an administrator brings a set-aside account back with a button", async () => {
  const app = await visit("2.6", `http://localhost:${pages.port}`, local);
  await signInAtHome(app);
  await local.switch("no-link-endpoint", true);
  await app.link({ connectionId: "github" }, "ana@choir.example");
  assert.equal((await local.setAside()).length, 1);
  await app.page.goto(`${local.login_listener_url}/admin`);
  await app.page.getByRole("button", { name: "Bring back ana@choir.example" }).click();
  await app.page.getByText("Nobody is set aside.").waitFor();
  assert.deepEqual(await local.setAside(), []);
});

/** Signs in as Ana at home. */
async function signInAtHome(app) {
  await app.signIn({ connectionId: "google" }, null, "ana.m@mail.example");
  assert.equal(await app.signedIn(), true);
  assert.equal(await app.who(), HOME);
}

/** The provider's ids for the signed-in person: by the client where it can read a profile. */
async function identities(app, version) {
  let profile;
  if (version === "2.5") {
    const headers = { authorization: `Bearer ${await app.client("ensureToken")}` };
    const at = app.rehearsal.login_listener_url;
    profile = await (await fetch(`${at}/api/session/profile`, { headers })).json();
  } else {
    profile = await app.client("getUserProfile");
  }
  return profile.linkedIdentities.map(({ connection }) => connection.userId);
}

/** Joins an identity nobody has, and takes it away again. */
async function linksAndUnlinks(app, version, { bearer }) {
  await signInAtHome(app);
  const before = await app.client("ensureToken");
  await app.link({ connectionId: "github" }, "ana.m@mail.example");
  assert.deepEqual(app.returnedNames().sort(), ["iss", "nonce"], "nothing the client would take");
  assert.equal(await app.signedIn(), true);
  assert.equal(await app.who(), HOME);
  assert.equal(await app.client("ensureToken"), before, "the person stays who they are");
  assert.deepEqual(await identities(app, version), ["104822617305", "9913046"]);
  const [link] = (await app.callsOf("POST", "/api/authentication")).slice(-1);
  assert.equal(Boolean(link.headers.authorization), bearer);
  assert.equal(/authress-session=/.test(link.headers.cookie ?? ""), !bearer);

  await app.client("unlinkIdentity", "9913046");
  const path = version === "2.5" ? "/api/identities/9913046" : "/api/session/identities/9913046";
  assert.equal((await app.callsOf("DELETE", path)).length, 1);
  assert.deepEqual(await identities(app, version), ["104822617305"]);
  const { error } = await app.client("unlinkIdentity", "104822617305");
  assert.deepEqual(error, {
    code: "LastIdentity",
    message: "The only identity of a user cannot be removed",
  });
}

/** Tries what is not allowed, and to take what is somebody else's. */
async function isToldWhyNot(app, rehearsal) {
  await signInAtHome(app);
  const off = await app.client("linkIdentity", { connectionId: "northwind-sso" });
  assert.deepEqual(off.error, {
    code: "LinkingNotAllowed",
    message: "Identities of this connection cannot be linked",
  });
  await app.link({ connectionId: "github" }, "ana@choir.example");
  const back = new URL(app.cameBack).searchParams;
  assert.equal(back.get("error"), "identity_conflict");
  assert.equal(back.get("code"), null);
  assert.equal(await app.signedIn(), true);
  assert.equal(await app.who(), HOME);
  assert.deepEqual(await rehearsal.setAside(), []);

  // The client would give this address, error and all, as the one to come back to.
  await app.page.goto(app.home);
  await rehearsal.switch("no-link-endpoint", true);
  await app.link({ connectionId: "github" }, "ana@choir.example");
  assert.equal(new URL(app.cameBack).searchParams.get("error"), null);
  const [aside] = await rehearsal.setAside();
  assert.equal(aside.user, CHOIR, "without the other endpoint, this one moves what is taken");
  await rehearsal.bringBack(CHOIR);
}

/** Reads everything the signed-in person may, and checks how the client proved who it is. */
async function readsWhatItMay(app, version, { bearer }) {
  const { accessToken } = await app.client("getConnectionCredentials");
  assert.match(accessToken, /^northwind-sso\./);
  const [credentials] = await app.callsOf("GET", "/api/session/credentials");
  assert.match(credentials.headers.authorization, /^Bearer ey/);
  assert.deepEqual(await app.client("getDevices"), []);
  assert.equal((await app.callsOf("GET", "/api/session/devices")).length, 1);
  if (version === "2.5") {
    return;
  }
  const { linkedIdentities } = await app.client("getUserProfile");
  const [identity] = linkedIdentities;
  assert.deepEqual(identity.connection, { connectionId: "northwind-sso", userId: "ana.moreau" });
  const [profile] = await app.callsOf("GET", "/api/session/profile");
  assert.equal(Boolean(profile.headers.authorization), bearer);
  assert.equal(Boolean(profile.headers.cookie), !bearer);
}
