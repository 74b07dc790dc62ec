//! Which parts a person reads (RFC 8621 section 4.1.4), and which are files.

use mail_model::Disposition;

use super::walk::{Leaf, Multi, Node, Tree};
use super::{Notices, ParsedBody, ParsedPart, decode};
use crate::text::Flow;

/// Leaves by number.
#[derive(Default)]
struct Choice {
    text: Vec<usize>,
    html: Vec<usize>,
}

/// Chooses the body and marks its parts as not being files.
///
/// Text parts are joined, HTML parts are not: the first is shown, and each further part of the
/// body stays a file, so that it is seen.
pub(super) fn choose(tree: &Tree, parts: &mut [ParsedPart], notices: &mut Notices) -> ParsedBody {
    let mut choice = Choice::default();
    visit(tree, &[0], Multi::Mixed, Wants::both(), &mut choice);

    let is = |leaf: &usize, kind: &str| {
        tree.leaves
            .get(*leaf)
            .is_some_and(|leaf| leaf.head.media_type == kind)
    };
    let html = choice
        .html
        .iter()
        .copied()
        .find(|leaf| is(leaf, "text/html"));
    // Text that stands beside the HTML is no other form of it, so it is not shown in its place.
    let beside = |leaf: &usize| html.is_some() && choice.html.contains(leaf);
    let texts: Vec<usize> = choice
        .text
        .iter()
        .copied()
        .filter(|leaf| is(leaf, "text/plain") && !beside(leaf))
        .collect();

    let mut body = ParsedBody::default();
    if let Some(part) = html.and_then(|leaf| parts.get_mut(leaf)) {
        part.is_attachment = false;
        body.html = Some(decode::text(part, notices));
    }
    body.flow = match texts.as_slice() {
        [only] => tree
            .leaves
            .get(*only)
            .map(|leaf| leaf.head.flow)
            .unwrap_or_default(),
        _ => Flow::Fixed,
    };
    for leaf in texts {
        let Some(part) = parts.get_mut(leaf) else {
            continue;
        };
        part.is_attachment = false;
        let text = decode::text(part, notices);
        match &mut body.text {
            Some(so_far) => {
                so_far.push_str("\n\n");
                so_far.push_str(&text);
            }
            None => body.text = Some(text),
        }
    }
    body
}

/// Which of the two forms is still looked for inside an alternative.
#[derive(Clone, Copy)]
struct Wants {
    in_alternative: bool,
    text: bool,
    html: bool,
}

impl Wants {
    fn both() -> Self {
        Self {
            in_alternative: false,
            text: true,
            html: true,
        }
    }
}

/// Recursive, but never deeper than [`super::MAX_NESTING`].
fn visit(tree: &Tree, children: &[usize], kind: Multi, mut wants: Wants, choice: &mut Choice) {
    let before = (choice.text.len(), choice.html.len());
    for (place, child) in children.iter().enumerate() {
        match tree.nodes.get(*child) {
            Some(Node::Multi { subtype, children }) => {
                let inner = Wants {
                    in_alternative: wants.in_alternative || *subtype == Multi::Alternative,
                    ..wants
                };
                visit(tree, children, *subtype, inner, choice);
            }
            Some(Node::Leaf(number)) => {
                if let Some(leaf) = tree.leaves.get(*number) {
                    take(leaf, *number, place, kind, &mut wants, choice);
                }
            }
            None => {}
        }
    }
    if kind == Multi::Alternative && wants.text && wants.html {
        // Only one form was given: it stands for the other too.
        let new_text = choice.text.get(before.0..).unwrap_or_default().to_vec();
        let new_html = choice.html.get(before.1..).unwrap_or_default().to_vec();
        if new_text.is_empty() {
            choice.text.extend(new_html);
        } else if new_html.is_empty() {
            choice.html.extend(new_text);
        }
    }
}

fn take(
    leaf: &Leaf,
    number: usize,
    place: usize,
    kind: Multi,
    wants: &mut Wants,
    choice: &mut Choice,
) {
    let head = &leaf.head;
    let is_text = matches!(head.media_type.as_str(), "text/plain" | "text/html");
    let inline = is_text
        && head.disposition != Some(Disposition::Attachment)
        && (place == 0 || (kind != Multi::Related && head.name.is_empty()));
    if kind == Multi::Alternative {
        match head.media_type.as_str() {
            "text/plain" if head.disposition != Some(Disposition::Attachment) => {
                choice.text.push(number);
            }
            "text/html" if head.disposition != Some(Disposition::Attachment) => {
                choice.html.push(number);
            }
            _ => {}
        }
    } else if inline {
        if wants.in_alternative {
            match head.media_type.as_str() {
                "text/plain" => wants.html = false,
                _ => wants.text = false,
            }
        }
        if wants.text {
            choice.text.push(number);
        }
        if wants.html {
            choice.html.push(number);
        }
    }
}
