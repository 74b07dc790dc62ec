//! Judges cleaned HTML by the tree a browser would build from it, with lists of its own.

use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, ns, parse_document};
use mail_mime::{CleanHtml, CleanOptions, clean::clean};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

const ELEMENTS: &[&str] = &[
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
    "body",
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
    "head",
    "header",
    "hr",
    "html",
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

const ATTRIBUTES: &[&str] = &[
    "align",
    "alt",
    "bgcolor",
    "border",
    "cellpadding",
    "cellspacing",
    "clear",
    "color",
    "colspan",
    "dir",
    "face",
    "height",
    "href",
    "hspace",
    "lang",
    "noshade",
    "nowrap",
    "rel",
    "rowspan",
    "size",
    "span",
    "src",
    "start",
    "style",
    "target",
    "title",
    "type",
    "valign",
    "value",
    "vspace",
    "width",
];

const FORBIDDEN_IN_STYLE: &[&str] = &[
    "\\",
    "@",
    "<",
    ">",
    "{",
    "}",
    "/*",
    "url",
    "image-set",
    "image(",
    "element(",
    "cross-fade",
    "src(",
    "var(",
    "env(",
    "attr(",
    "if(",
    "expression",
    "javascript",
    "position",
    "z-index",
    "content",
    "cursor",
    "filter",
    "mask",
    "animation",
    "transition",
    "transform:",
    "behavior",
    "binding",
    "paint(",
    "counter",
    "unicode-bidi",
    "!",
    "vh",
    "pointer-events",
    "clip",
];

/// What is wrong with a cleaned fragment; empty when nothing is.
pub(crate) fn faults(html: &str) -> Vec<String> {
    let dom = parse_document(RcDom::default(), ParseOpts::default()).one(format!(
        "<!doctype html><html><head></head><body>{html}</body></html>"
    ));
    let mut faults = Vec::new();
    let mut stack: Vec<Handle> = vec![dom.document.clone()];
    while let Some(node) = stack.pop() {
        match &node.data {
            NodeData::Comment { contents } => faults.push(format!("comment {contents}")),
            NodeData::ProcessingInstruction { .. } => faults.push("instruction".to_owned()),
            NodeData::Element { name, attrs, .. } => {
                if name.ns != ns!(html) {
                    faults.push(format!("namespace {}", name.ns));
                }
                if !ELEMENTS.contains(&&*name.local) {
                    faults.push(format!("element {}", name.local));
                }
                for attr in attrs.borrow().iter() {
                    attribute(&name.local, &attr.name.local, &attr.value, &mut faults);
                }
                if &*name.local == "head" && !node.children.borrow().is_empty() {
                    faults.push("something moved into the head".to_owned());
                }
            }
            _ => {}
        }
        stack.extend(node.children.borrow().iter().cloned());
    }
    faults
}

fn attribute(element: &str, name: &str, value: &str, faults: &mut Vec<String>) {
    if !ATTRIBUTES.contains(&name) {
        faults.push(format!("attribute {element}.{name}={value}"));
    }
    let lower = value.to_lowercase();
    match name {
        "href" => {
            let fine = ["http://", "https://", "mailto:", "tel:"]
                .iter()
                .any(|scheme| lower.starts_with(scheme));
            if !fine || element != "a" {
                faults.push(format!("link {element} {value}"));
            }
        }
        "src" => {
            let number = value.strip_prefix("img/").unwrap_or("x");
            if element != "img" || number.parse::<u32>().is_err() {
                faults.push(format!("source {element} {value}"));
            }
        }
        "style" => {
            for word in FORBIDDEN_IN_STYLE {
                if lower.contains(word) {
                    faults.push(format!("style {word} in {value}"));
                }
            }
        }
        "target" if value != "_blank" => faults.push(format!("target {value}")),
        "rel" if value != "noopener noreferrer nofollow" => faults.push(format!("rel {value}")),
        _ => {}
    }
}

/// Cleans and refuses any fault.
#[track_caller]
pub(crate) fn clean_and_judge(html: &str) -> CleanHtml {
    let result = clean(html, &CleanOptions::default());
    let faults = faults(&result.html);
    assert!(
        faults.is_empty(),
        "{faults:?}\nfrom {html:?}\nto   {:?}",
        result.html
    );
    result
}
