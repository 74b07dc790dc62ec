/** Serves the bodies of the fake host's messages: the double frame, as the app has it. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";

const BODIES = [
  `<p>Hello,</p><p>A short note only: the list is complete, and nobody has to do anything before Monday.</p><p>Thank you all,<br>Noor</p>`,
  `<p>Hi both,</p><p>I moved the freeze to Thursday so that the partner team can replay a full day of invoices before we switch. The rollback section now names who decides and how long we wait.</p><p>Ana, could you check step 6? The reconciliation job has to finish before the read-only flag goes on, otherwise we count two days twice.</p>`,
  `<p>We could eat in the garden if it stays like this. Bring nothing, I have already been to the market.</p>`,
  `<p>Hi both,</p><p>I moved the freeze to Thursday so that the partner team can replay a full day of invoices before we switch. The rollback section now names who decides and how long we wait.</p><p>Ana, could you check step 6? The reconciliation job has to finish before the read-only flag goes on, otherwise we count two days twice.</p>`,
];

const SHIM = `<!doctype html><meta charset="utf-8"><title>Mail</title>
<style>html,body{margin:0;background:transparent}iframe{display:block;width:100%;border:0}</style>
<iframe sandbox="allow-same-origin allow-popups" src="BODY"></iframe>
<script>
const frame = document.querySelector("iframe");
frame.onload = () => {
  const measure = () => {
    const height = frame.contentDocument.documentElement.offsetHeight;
    frame.style.height = height + "px";
    parent.postMessage({ height }, location.origin);
  };
  new ResizeObserver(measure).observe(frame.contentDocument.documentElement);
};
</script>`;

function page(url: URL): string {
  const id = Number(url.pathname.split("/")[2]);
  const theme = url.searchParams.get("theme") === "dark" ? "dark" : "light";
  if (!url.pathname.endsWith("/body")) {
    const shim = SHIM.replace("BODY", `/fake-mail/${id}/body?theme=${theme}`);
    return shim.replace("<html>", "").replace("<style>", `<style>:root{color-scheme:${theme}}`);
  }
  const ink = theme === "dark" ? "#ecebe8" : "#1d1c1a";
  return `<!doctype html><meta charset="utf-8"><title>Mail</title>
<style>:root{color-scheme:${theme}}body{margin:0;color:${ink};font:0.875rem/1.6 system-ui,sans-serif;max-width:68ch}p{margin:0 0 12px}p:last-child{margin:0}</style>
${BODIES[id % BODIES.length]}`;
}

function serve(request: IncomingMessage, response: ServerResponse, next: () => void): void {
  const url = new URL(request.url ?? "/", "http://local");
  if (!url.pathname.startsWith("/fake-mail/")) {
    next();
    return;
  }
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.end(page(url));
}

/** The window's policy, with the frames and the socket of a plain browser. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
  "connect-src 'self'; frame-src 'self'; form-action 'none'; base-uri 'none'; object-src 'none'";

export function fakeMail(): Plugin {
  return {
    name: "fake-mail",
    configureServer(server) {
      server.middlewares.use(serve);
    },
    configurePreviewServer(server) {
      server.middlewares.use(serve);
      server.middlewares.use((request, response, next) => {
        if (!request.url?.startsWith("/fake-mail/")) {
          response.setHeader("content-security-policy", POLICY);
        }
        next();
      });
    },
  };
}
