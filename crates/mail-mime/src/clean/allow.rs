//! What is allowed: elements, attributes, values and address schemes, each by name.
//!
//! Used twice: by the pre-pass on the tokens and by `ammonia` on the tree.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use url::Url;

use super::css;

/// Elements that are kept. No SVG, MathML, form controls, media, style sheets, raw text.
pub(super) const ELEMENTS: &[&str] = &[
    "a",
    "abbr",
    "acronym",
    "address",
    "article",
    "aside",
    "b",
    "bdi",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "font",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "main",
    "mark",
    "nav",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "section",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "time",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "wbr",
];

/// Elements whose content is not text for a person and goes with them.
pub(super) const DROPPED_WITH_CONTENT: &[&str] = &[
    "iframe",
    "math",
    "noembed",
    "noframes",
    "plaintext",
    "script",
    "style",
    "svg",
    "template",
    "textarea",
    "title",
    "xmp",
];

const GENERIC_ATTRIBUTES: &[&str] = &["align", "dir", "lang", "style", "title"];

/// Attributes of single elements, beside the generic ones.
const ATTRIBUTES: &[(&str, &[&str])] = &[
    ("a", &["href"]),
    ("br", &["clear"]),
    ("col", &["span", "valign", "width"]),
    ("colgroup", &["span", "valign", "width"]),
    ("font", &["color", "face", "size"]),
    ("hr", &["color", "noshade", "size", "width"]),
    (
        "img",
        &[
            "alt", "border", "height", "hspace", "src", "vspace", "width",
        ],
    ),
    ("li", &["type", "value"]),
    ("ol", &["start", "type"]),
    (
        "table",
        &[
            "bgcolor",
            "border",
            "cellpadding",
            "cellspacing",
            "height",
            "width",
        ],
    ),
    ("tbody", &["bgcolor", "valign"]),
    (
        "td",
        &[
            "bgcolor", "colspan", "height", "nowrap", "rowspan", "valign", "width",
        ],
    ),
    ("tfoot", &["bgcolor", "valign"]),
    (
        "th",
        &[
            "bgcolor", "colspan", "height", "nowrap", "rowspan", "valign", "width",
        ],
    ),
    ("thead", &["bgcolor", "valign"]),
    ("tr", &["bgcolor", "height", "valign"]),
    ("ul", &["type"]),
];

pub(super) fn is_element(name: &str) -> bool {
    ELEMENTS.binary_search(&name).is_ok()
}

/// The value to keep of an attribute, `None` where it goes.
pub(super) fn attribute<'v>(element: &str, name: &str, value: &'v str) -> Option<Cow<'v, str>> {
    let known = GENERIC_ATTRIBUTES.contains(&name)
        || ATTRIBUTES
            .iter()
            .any(|(of, names)| *of == element && names.contains(&name));
    if !known {
        return None;
    }
    match name {
        "style" => Some(css::filter(value).css)
            .filter(|css| !css.is_empty())
            .map(Cow::Owned),
        "href" => link(value).map(Cow::Owned),
        "src" => picture(value).map(Cow::Owned),
        "bgcolor" | "color" => legacy_color(value).map(Cow::Owned),
        "width" | "height" | "size" | "border" | "cellpadding" | "cellspacing" | "hspace"
        | "vspace" => measure(value, 10_000).map(Cow::Owned),
        // Every column or row spanned is laid out, whether the mail fills it or not.
        "colspan" | "rowspan" | "span" => measure(value, 100).map(Cow::Owned),
        "start" | "value" => measure(value, 1_000_000).map(Cow::Owned),
        "dir" => word(value, &["auto", "ltr", "rtl"]),
        "align" => word(
            value,
            &[
                "bottom", "center", "justify", "left", "middle", "right", "top",
            ],
        ),
        "valign" => word(value, &["baseline", "bottom", "middle", "top"]),
        "clear" => word(value, &["all", "both", "left", "none", "right"]),
        "type" => word(value, &["1", "a", "circle", "disc", "i", "square"]),
        "nowrap" | "noshade" => Some(Cow::Borrowed("")),
        "lang" => Some(Cow::Borrowed(value))
            .filter(|v| v.len() <= 35 && v.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')),
        "face" => Some(Cow::Borrowed(value)).filter(|v| {
            v.len() <= 256
                && v.chars()
                    .all(|c| c.is_alphanumeric() || " ,-_.'\"".contains(c))
        }),
        // `alt` and `title` are words for a person.
        _ => Some(Cow::Borrowed(value)),
    }
}

/// Where a link may lead: `http`, `https`, `mailto` and `tel`, in the form a browser understands it.
pub(crate) fn link(href: &str) -> Option<String> {
    let url = address(href)?;
    matches!(url.scheme(), "http" | "https" | "mailto" | "tel").then(|| url.into())
}

/// Where a picture may come from: the same mail, the address itself, or the network, which only
/// the plan turns into something that is fetched.
fn picture(src: &str) -> Option<String> {
    let src = src.trim_matches(|c: char| c <= ' ');
    // An address without a scheme means the one of its page, which a mail does not have.
    let whole = match src.strip_prefix("//") {
        Some(rest) => Cow::Owned(format!("https://{rest}")),
        None => Cow::Borrowed(src),
    };
    let scheme = whole.split(':').next().unwrap_or_default();
    if scheme.eq_ignore_ascii_case("cid") {
        let id: String = whole.chars().filter(|c| !c.is_control()).collect();
        return Some(format!("cid:{}", id.get(4..).unwrap_or_default()));
    }
    let url = address(&whole)?;
    matches!(url.scheme(), "http" | "https" | "data").then(|| url.into())
}

fn address(text: &str) -> Option<Url> {
    if text.len() > 64 * 1024 {
        return None;
    }
    Url::parse(text.trim_matches(|c: char| c <= ' ')).ok()
}

/// A colour of an old attribute: a name, or digits with or without a number sign.
pub(super) fn legacy_color(value: &str) -> Option<String> {
    let value = value.trim();
    let digits = value.strip_prefix('#').unwrap_or(value);
    if matches!(digits.len(), 3 | 6) && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Some(format!("#{}", digits.to_ascii_lowercase()));
    }
    (value.len() <= 32 && !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphabetic()))
        .then(|| value.to_ascii_lowercase())
}

/// A whole number, possibly of percent, possibly with `px` behind it; font sizes may have a sign.
fn measure(value: &str, most: u32) -> Option<String> {
    let value = value.trim();
    let (sign, rest) = match value.strip_prefix(['+', '-']) {
        Some(rest) if rest.len() == 1 => (value.get(..1)?, rest),
        Some(_) => return None,
        None => ("", value),
    };
    let digits_end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let number: u32 = rest.get(..digits_end)?.parse().ok()?;
    let percent = if rest.get(digits_end..)?.trim_start().starts_with('%') {
        "%"
    } else {
        ""
    };
    Some(format!("{sign}{}{percent}", number.min(most)))
}

fn word<'v>(value: &str, words: &[&'static str]) -> Option<Cow<'v, str>> {
    let value = value.trim();
    words
        .iter()
        .find(|known| value.eq_ignore_ascii_case(known))
        .map(|known| Cow::Borrowed(*known))
}

/// The tree's allow-list.
pub(super) static BUILDER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let attributes: HashMap<&str, HashSet<&str>> = ATTRIBUTES
        .iter()
        .map(|(element, names)| (*element, names.iter().copied().collect()))
        .collect();
    let mut builder = Builder::empty();
    builder
        .tags(ELEMENTS.iter().copied().collect())
        .clean_content_tags(DROPPED_WITH_CONTENT.iter().copied().collect())
        .generic_attributes(GENERIC_ATTRIBUTES.iter().copied().collect())
        .tag_attributes(attributes)
        .url_schemes(
            ["http", "https", "mailto", "tel", "cid", "data"]
                .into_iter()
                .collect(),
        )
        .url_relative(UrlRelative::Deny)
        .link_rel(None)
        .strip_comments(true)
        .attribute_filter(attribute);
    builder
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_elements_are_sorted_so_that_they_are_found() {
        assert!(ELEMENTS.is_sorted());
    }

    #[test]
    fn nothing_that_runs_loads_or_asks_is_an_element() {
        for name in [
            "script", "style", "svg", "math", "link", "meta", "base", "form", "input", "button",
            "select", "textarea", "object", "embed", "applet", "iframe", "frame", "frameset",
            "audio", "video", "source", "track", "canvas", "template", "slot", "portal", "dialog",
            "noscript", "title", "marquee", "bdo", "picture", "map", "area",
        ] {
            assert!(!is_element(name), "{name}");
        }
    }

    #[test]
    fn links_lead_only_where_a_person_can_go() {
        assert_eq!(
            link(" https://a.example/x ").as_deref(),
            Some("https://a.example/x")
        );
        assert_eq!(
            link("mailto:ana@choir.example").as_deref(),
            Some("mailto:ana@choir.example")
        );
        assert_eq!(link("tel:+4912345").as_deref(), Some("tel:+4912345"));
        for bad in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java\tscript:alert(1)",
            "\u{1}javascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://a.example/1",
            "mail://localhost/t/0",
            "tauri://localhost/",
            "ipc://x",
            "asset://localhost/x",
            "cid:a@b",
            "ftp://a.example/",
            "//a.example/",
            "/x",
            "x.html",
            "#top",
            "",
            "about:blank",
            "view-source:https://a.example/",
            "intent://x",
        ] {
            assert_eq!(link(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn measures_are_numbers_within_reason() {
        assert_eq!(measure("600px", 10_000).as_deref(), Some("600"));
        assert_eq!(measure(" 50 % ", 10_000).as_deref(), Some("50%"));
        assert_eq!(measure("+1", 10_000).as_deref(), Some("+1"));
        assert_eq!(measure("99999", 100).as_deref(), Some("100"));
        for bad in ["", "x", "-20", "1e", "99999999999", "expression(1)"] {
            assert!(
                measure(bad, 10_000).is_none_or(|kept| kept == "1"),
                "{bad:?}"
            );
        }
    }
}
