//! The two documents of the double frame in which a mail is shown, and the headers beside them.
//!
//! The app's page holds the outer frame (the *shim*), the shim holds the inner one (the *mail*).
//! Both are served from an origin of their own, so nothing in a mail shares the app's origin. The
//! shim has the only script: it measures the mail, which only a document of the same origin can,
//! and posts the height, a number, to the page. In the mail's own frame no script runs: its sandbox, its
//! policy and the cleaning each forbid it.
//!
//! The page checks `event.source`, the origin and that the number is between 0 and
//! [`MAX_HEIGHT`].

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::clean::CleanHtml;
use crate::markup::escape_into;
use crate::text::TextHtml;

mod style;

/// The largest height the shim posts, in CSS pixels.
pub const MAX_HEIGHT: u32 = 200_000;

/// The `sandbox` attribute of the outer frame, for the app's page to set.
pub const SHIM_SANDBOX: &str = "allow-scripts allow-same-origin allow-popups";
/// The `sandbox` attribute of the inner frame. Links ask for a new window, which the app denies
/// and handles.
pub const MAIL_SANDBOX: &str = "allow-same-origin allow-popups";

const SCRIPT: &str = r#""use strict";
const frame = document.getElementById("mail");
const page = document.documentElement.dataset.page;
let posted = -1;
let due = false;
function measure() {
  due = false;
  const mail = frame.contentDocument;
  if (!mail || !mail.body) return;
  const height = Math.min(200000, Math.ceil(mail.documentElement.getBoundingClientRect().height));
  if (height === posted) return;
  posted = height;
  frame.style.height = height + "px";
  parent.postMessage({ height }, page);
}
function soon() {
  if (due) return;
  due = true;
  requestAnimationFrame(measure);
}
const watcher = new ResizeObserver(soon);
function watch() {
  const mail = frame.contentDocument;
  if (!mail || !mail.documentElement) return;
  watcher.disconnect();
  watcher.observe(mail.documentElement);
  soon();
}
frame.addEventListener("load", watch);
watch();
"#;

/// The app's colours at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// Dark ink on white.
    #[default]
    Light,
    /// Light ink on dark.
    Dark,
}

/// A document and the headers that must go with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The whole document, UTF-8.
    pub html: String,
    /// Header names and values, all of them. Without them the document must not be served.
    pub headers: Vec<(&'static str, String)>,
}

/// Where the documents are served and who may show them. Written into policies as it is, so it
/// comes from the app, never from a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// What pictures and the inner frame may come from: a scheme such as `mail:` or an origin
    /// such as `http://127.0.0.1:4711`.
    pub source: &'a str,
    /// Who may hold the outer frame, as `frame-ancestors` sources, such as `tauri://localhost`.
    pub ancestors: &'a [&'a str],
    /// The origin the shim posts the height to, such as `tauri://localhost`.
    pub page_origin: &'a str,
}

/// What the mail frame shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// A cleaned HTML mail.
    Html(&'a CleanHtml),
    /// A plain mail.
    Text(&'a TextHtml),
}

impl Content<'_> {
    fn html(&self) -> &str {
        match self {
            Content::Html(clean) => &clean.html,
            Content::Text(text) => &text.html,
        }
    }

    /// A mail that chose colours chose them for paper.
    fn needs_paper(&self) -> bool {
        match self {
            Content::Html(clean) => clean.has_own_colors,
            Content::Text(_) => false,
        }
    }
}

/// The outer document. `mail_address` is where the inner one is served, relative to it, such as
/// `body`.
#[must_use]
pub fn shim(place: &Place<'_>, mail_address: &str) -> Document {
    let mut html = String::from("<!doctype html><html data-page=\"");
    escape_into(&mut html, place.page_origin);
    html.push_str("\"><head><meta charset=\"utf-8\"><title>Mail</title><style>");
    html.push_str(style::SHIM);
    html.push_str("</style></head><body><iframe id=\"mail\" title=\"Mail\" sandbox=\"");
    html.push_str(MAIL_SANDBOX);
    html.push_str("\" referrerpolicy=\"no-referrer\" src=\"");
    escape_into(&mut html, mail_address);
    html.push_str("\"></iframe><script>");
    html.push_str(SCRIPT);
    html.push_str("</script></body></html>");
    Document {
        html,
        headers: shim_headers(place),
    }
}

/// The inner document: the mail itself. Its pictures are asked for relative to it, see
/// [`crate::CleanOptions::image_base`].
#[must_use]
pub fn mail(place: &Place<'_>, content: Content<'_>, theme: Theme) -> Document {
    let sheet = match theme {
        Theme::Dark if !content.needs_paper() => style::DARK,
        _ => style::LIGHT,
    };
    let mut html = String::from(
        "<!doctype html><html><head><meta charset=\"utf-8\"><title>Mail</title><style>",
    );
    html.push_str(sheet);
    html.push_str(style::MAIL);
    // Words of several scripts may stand in one mail; each block finds its own direction.
    html.push_str("</style></head><body dir=\"auto\">");
    html.push_str(content.html());
    html.push_str("</body></html>");
    Document {
        html,
        headers: mail_headers(place),
    }
}

/// The headers of the outer document.
#[must_use]
pub fn shim_headers(place: &Place<'_>) -> Vec<(&'static str, String)> {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        format!(
            "default-src 'none'; script-src '{}'; style-src '{}'; form-action 'none'; \
             base-uri 'none'",
            hash(SCRIPT),
            hash(style::SHIM),
        )
    });
    headers(format!(
        "{}; frame-src {}; frame-ancestors {}",
        *POLICY,
        place.source,
        ancestors(place, false),
    ))
}

/// The headers of the inner document.
#[must_use]
pub fn mail_headers(place: &Place<'_>) -> Vec<(&'static str, String)> {
    headers(format!(
        "default-src 'none'; img-src {source}; style-src 'unsafe-inline'; form-action 'none'; \
         base-uri 'none'; sandbox {MAIL_SANDBOX}; frame-ancestors {ancestors}",
        source = place.source,
        ancestors = ancestors(place, true),
    ))
}

/// The headers of a picture. A picture that is opened as a page still can do nothing.
#[must_use]
pub fn picture_headers(media_type: &'static str) -> Vec<(&'static str, String)> {
    let mut headers = headers("default-src 'none'; sandbox".to_owned());
    if let Some((_, value)) = headers.first_mut() {
        media_type.clone_into(value);
    }
    headers
}

fn headers(policy: String) -> Vec<(&'static str, String)> {
    vec![
        ("Content-Type", "text/html; charset=utf-8".to_owned()),
        ("Content-Security-Policy", policy),
        ("Referrer-Policy", "no-referrer".to_owned()),
        ("X-Content-Type-Options", "nosniff".to_owned()),
        ("Cache-Control", "no-store".to_owned()),
        ("X-DNS-Prefetch-Control", "off".to_owned()),
    ]
}

fn ancestors(place: &Place<'_>, inner: bool) -> String {
    let mut sources: Vec<&str> = place.ancestors.to_vec();
    if inner {
        sources.insert(0, place.source);
    }
    if sources.is_empty() {
        sources.push("'none'");
    }
    sources.join(" ")
}

/// A hash as a source of a policy (CSP level 2).
fn hash(content: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(content)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place {
        source: "mail:",
        ancestors: &["tauri://localhost"],
        page_origin: "tauri://localhost",
    };

    fn policy(document: &Document) -> &str {
        document
            .headers
            .iter()
            .find(|(name, _)| *name == "Content-Security-Policy")
            .map(|(_, value)| value.as_str())
            .unwrap()
    }

    fn html_mail(has_own_colors: bool) -> CleanHtml {
        CleanHtml {
            html: "<p>Hello</p>".to_owned(),
            has_own_colors,
            ..CleanHtml::default()
        }
    }

    #[test]
    fn the_mail_frame_gets_exactly_these_headers() {
        let document = mail(&PLACE, Content::Html(&html_mail(false)), Theme::Light);
        let headers: Vec<(&str, &str)> = document
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        assert_eq!(
            headers,
            [
                ("Content-Type", "text/html; charset=utf-8"),
                (
                    "Content-Security-Policy",
                    "default-src 'none'; img-src mail:; style-src 'unsafe-inline'; \
                     form-action 'none'; base-uri 'none'; \
                     sandbox allow-same-origin allow-popups; \
                     frame-ancestors mail: tauri://localhost"
                ),
                ("Referrer-Policy", "no-referrer"),
                ("X-Content-Type-Options", "nosniff"),
                ("Cache-Control", "no-store"),
                ("X-DNS-Prefetch-Control", "off"),
            ]
        );
    }

    #[test]
    fn the_shim_runs_its_own_script_and_no_other() {
        let document = shim(&PLACE, "body");
        let script = document
            .html
            .split("<script>")
            .nth(1)
            .and_then(|rest| rest.split("</script>").next())
            .unwrap();
        let policy = policy(&document);
        assert!(policy.contains(&format!("script-src '{}';", hash(script))));
        assert!(!policy.contains("unsafe"));
        assert!(policy.contains("frame-src mail:;"));
        assert!(policy.ends_with("frame-ancestors tauri://localhost"));
        assert_eq!(document.html.matches("<script").count(), 1);
    }

    #[test]
    fn the_shims_style_is_the_one_its_policy_names() {
        let document = shim(&PLACE, "body");
        let style = document
            .html
            .split("<style>")
            .nth(1)
            .and_then(|rest| rest.split("</style>").next())
            .unwrap();
        assert!(policy(&document).contains(&format!("style-src '{}';", hash(style))));
    }

    #[test]
    fn the_shim_allows_the_mail_no_script() {
        let html = shim(&PLACE, "body").html;
        assert!(html.contains("sandbox=\"allow-same-origin allow-popups\""));
        assert!(!MAIL_SANDBOX.contains("script"));
        assert!(html.contains("src=\"body\""));
    }

    #[test]
    fn the_limit_in_the_script_is_the_one_the_page_checks() {
        assert!(SCRIPT.contains(&format!("Math.min({MAX_HEIGHT}, ")));
    }

    #[test]
    fn the_origin_is_a_parameter() {
        let place = Place {
            source: "http://127.0.0.1:4711",
            ancestors: &["http://127.0.0.1:4712"],
            page_origin: "http://127.0.0.1:4712",
        };
        let shim = shim(&place, "body");
        assert!(policy(&shim).contains("frame-src http://127.0.0.1:4711;"));
        assert!(shim.html.contains("data-page=\"http://127.0.0.1:4712\""));
        let mail = mail(&place, Content::Text(&TextHtml::default()), Theme::Dark);
        assert!(policy(&mail).contains("img-src http://127.0.0.1:4711;"));
    }

    #[test]
    fn nobody_may_frame_a_document_when_no_ancestor_is_given() {
        let place = Place {
            ancestors: &[],
            ..PLACE
        };
        assert!(policy(&shim(&place, "body")).ends_with("frame-ancestors 'none'"));
    }

    #[test]
    fn plain_and_unstyled_mails_take_the_apps_colours() {
        let text = TextHtml::default();
        for (content, theme, background) in [
            (Content::Text(&text), Theme::Light, "#fff"),
            (Content::Text(&text), Theme::Dark, "#1f1f22"),
            (Content::Html(&html_mail(false)), Theme::Dark, "#1f1f22"),
            (Content::Html(&html_mail(true)), Theme::Dark, "#fff"),
            (Content::Html(&html_mail(true)), Theme::Light, "#fff"),
        ] {
            let html = mail(&PLACE, content, theme).html;
            assert!(
                html.contains(&format!("background:{background};")),
                "{theme:?} {html}"
            );
        }
    }

    #[test]
    fn a_picture_is_served_by_its_kind_and_can_do_nothing() {
        let headers = picture_headers("image/png");
        assert_eq!(headers[0], ("Content-Type", "image/png".to_owned()));
        assert_eq!(
            headers[1],
            (
                "Content-Security-Policy",
                "default-src 'none'; sandbox".to_owned()
            )
        );
        assert!(headers.contains(&("X-Content-Type-Options", "nosniff".to_owned())));
    }
}
