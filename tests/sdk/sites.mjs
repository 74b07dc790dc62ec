// The application's pages: one per version of the client, on plain loopback and on https names that share a
// domain with the tenant.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, request as forward } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(import.meta.url);

/** Every version checked: what npm calls it here, and the name its browser bundle takes on the page. */
export const VERSIONS = {
  2.5: { package: "authress-login-2-5", global: "authress" },
  2.6: { package: "authress-login-2-6", global: "Authress" },
};

// 2.6 does not export its package.json, so its folder is found by the bundle's own place.
const bundleOf = (name) => join(require.resolve(name), "..", "..", "dist", "authress.min.js");
const bundles = Object.fromEntries(
  Object.entries(VERSIONS).map(([version, { package: name }]) => [
    version,
    readFileSync(bundleOf(name)),
  ]),
);

/** Serves `/<version>/?login=<tenant>&application=<id>` with a client ready as `window.client`. */
function page(request, response) {
  const { pathname } = new URL(request.url, "http://page");
  const [, version, file] = pathname.split("/");
  if (!VERSIONS[version]) {
    response.writeHead(404).end();
    return;
  }
  if (file === "client.js") {
    response.writeHead(200, { "content-type": "text/javascript" }).end(bundles[version]);
    return;
  }
  response.writeHead(200, { "content-type": "text/html", "cache-control": "no-store" })
    .end(`<!doctype html>
<meta charset="utf-8"><title>Application</title>
<script src="/${version}/client.js"></script>
<script>
  const settings = new URLSearchParams(location.search);
  const quiet = { debug() {}, log() {}, warn() {}, error() {}, critical() {} };
  window.client = new ${VERSIONS[version].global}.LoginClient(
    { authressApiUrl: settings.get('login'), applicationId: settings.get('application') }, quiet);
</script>`);
}

async function listening(server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server.address().port;
}

async function closed(server) {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
}

/** The pages on plain http. */
export async function startPages() {
  const server = createServer(page);
  const port = await listening(server);
  return { port, stop: () => closed(server) };
}

/** The pages on https; requests for a name that begins with `login.` go on to `tenant()`, an http address. */
export async function startSecurePages(tenant) {
  const server = createTlsServer(certificate(), (request, response) => {
    if (!request.headers.host.startsWith("login.")) {
      page(request, response);
      return;
    }
    const { hostname, port } = new URL(tenant());
    const { method, url: path, headers } = request;
    const onward = forward({ hostname, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  const port = await listening(server);
  return { port, stop: () => closed(server) };
}

/** A certificate for this run only. */
function certificate() {
  const folder = mkdtempSync(join(tmpdir(), "braid-sdk-"));
  try {
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=northwind.example",
        "-addext",
        "subjectAltName=DNS:*.northwind.example,DNS:*.choir.example",
        "-keyout",
        key,
        "-out",
        cert,
      ],
      { stdio: "ignore" },
    );
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
