//! The tree of parts: one pass over the lines, with a stack of the boundaries that are open.

use std::ops::Range;

use super::headers::{self, PartHead};
use super::{MAX_HEADER_OCTETS, MAX_NESTING, MAX_PARTS, Notice, Notices};

/// The message as a tree.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// The message's own header.
    pub(super) header_block: Range<usize>,
    /// Multiparts and leaves; the first is the message itself.
    pub(super) nodes: Vec<Node>,
    pub(super) leaves: Vec<Leaf>,
}

#[derive(Debug)]
pub(super) enum Node {
    Leaf(usize),
    Multi {
        subtype: Multi,
        /// Places in [`Tree::nodes`].
        children: Vec<usize>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Multi {
    Alternative,
    Related,
    Digest,
    Mixed,
}

#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) head: PartHead,
    pub(super) body: Range<usize>,
}

struct Open {
    boundary: Vec<u8>,
    node: usize,
    subtype: Multi,
}

/// What ended a body.
enum End {
    /// A boundary of the open multipart at this depth; the next part begins at the offset.
    Next(usize, usize),
    /// The last boundary of the open multipart at this depth.
    Close(usize, usize),
    Bytes,
}

pub(super) fn walk(bytes: &[u8], notices: &mut Notices) -> Tree {
    let mut tree = Tree::default();
    let mut open: Vec<Open> = Vec::new();
    // Empty lines before the header are no header.
    let mut at = bytes
        .iter()
        .position(|b| !b.is_ascii_whitespace())
        .unwrap_or(bytes.len());
    loop {
        let block = header_block(bytes, at, &open);
        let read = if block.len() > MAX_HEADER_OCTETS {
            notices.add(Notice::HeadersCut);
            block.start..block.start + MAX_HEADER_OCTETS
        } else {
            block.clone()
        };
        if tree.nodes.is_empty() {
            tree.header_block = read.clone();
        }
        let in_digest = open.last().is_some_and(|o| o.subtype == Multi::Digest);
        let default_type = if in_digest {
            "message/rfc822"
        } else {
            "text/plain"
        };
        let head = headers::read_part(bytes.get(read).unwrap_or_default(), default_type);
        let body_start = block.end;

        let entered = enter(&mut tree, &mut open, &head, notices);
        let (body_end, mut end) = body(bytes, body_start, &open);
        if entered {
            if !matches!(&end, End::Next(depth, _) if depth + 1 == open.len()) {
                // The boundary that was announced never comes: what is there is one text.
                notices.add(Notice::NoBoundary);
                leave_as_text(&mut tree, &mut open, head, body_start..body_end);
            }
        } else {
            add_leaf(&mut tree, &open, head, body_start..body_end);
        }

        // After a closing boundary comes an epilogue, up to the next boundary of an outer one.
        while let End::Close(depth, next) = end {
            open.truncate(depth);
            (_, end) = body(bytes, next, &open);
        }
        match end {
            End::Next(depth, next) => {
                open.truncate(depth + 1);
                at = next;
            }
            End::Close(..) | End::Bytes => return tree,
        }
        if tree.leaves.len() + 1 >= MAX_PARTS {
            notices.add(Notice::TooManyParts);
            let rest = PartHead {
                media_type: "application/octet-stream".to_owned(),
                ..PartHead::default()
            };
            add_leaf(&mut tree, &open, rest, at..bytes.len());
            return tree;
        }
    }
}

/// Opens a multipart if the head is one that can be followed.
fn enter(tree: &mut Tree, open: &mut Vec<Open>, head: &PartHead, notices: &mut Notices) -> bool {
    let Some(subtype) = head.media_type.strip_prefix("multipart/") else {
        return false;
    };
    let Some(boundary) = head.boundary.clone() else {
        notices.add(Notice::NoBoundary);
        return false;
    };
    if open.len() >= MAX_NESTING {
        notices.add(Notice::TooDeep);
        return false;
    }
    let subtype = match subtype {
        "alternative" => Multi::Alternative,
        "related" => Multi::Related,
        "digest" => Multi::Digest,
        _ => Multi::Mixed,
    };
    let node = add_node(
        tree,
        open,
        Node::Multi {
            subtype,
            children: Vec::new(),
        },
    );
    open.push(Open {
        boundary,
        node,
        subtype,
    });
    true
}

fn leave_as_text(tree: &mut Tree, open: &mut Vec<Open>, mut head: PartHead, body: Range<usize>) {
    let Some(entered) = open.pop() else { return };
    head.media_type = "text/plain".to_owned();
    let leaf = tree.leaves.len();
    tree.leaves.push(Leaf { head, body });
    if let Some(node) = tree.nodes.get_mut(entered.node) {
        *node = Node::Leaf(leaf);
    }
}

fn add_leaf(tree: &mut Tree, open: &[Open], mut head: PartHead, body: Range<usize>) {
    if head.media_type.starts_with("multipart/") && head.boundary.is_none() {
        head.media_type = "text/plain".to_owned();
    }
    let leaf = tree.leaves.len();
    tree.leaves.push(Leaf { head, body });
    add_node(tree, open, Node::Leaf(leaf));
}

fn add_node(tree: &mut Tree, open: &[Open], node: Node) -> usize {
    let at = tree.nodes.len();
    tree.nodes.push(node);
    if let Some(Node::Multi { children, .. }) = open
        .last()
        .and_then(|parent| tree.nodes.get_mut(parent.node))
    {
        children.push(at);
    }
    at
}

/// From `at` to after the empty line, or to a boundary that comes too early.
fn header_block(bytes: &[u8], at: usize, open: &[Open]) -> Range<usize> {
    let mut line_start = at;
    while line_start < bytes.len() {
        let line = line_at(bytes, line_start);
        let text = trim_line_end(bytes.get(line.clone()).unwrap_or_default());
        if text.is_empty() {
            return at..line.end;
        }
        if boundary_of(text, open).is_some() {
            return at..line.start;
        }
        line_start = line.end;
    }
    at..bytes.len()
}

/// The end of a body that starts at `start`, and what ended it.
fn body(bytes: &[u8], start: usize, open: &[Open]) -> (usize, End) {
    let mut line_start = start;
    while line_start < bytes.len() {
        let line = line_at(bytes, line_start);
        let text = bytes.get(line.clone()).unwrap_or_default();
        if text.starts_with(b"--")
            && let Some((depth, last)) = boundary_of(trim_line_end(text), open)
        {
            let end = without_line_break(bytes, start, line.start);
            return (
                end,
                if last {
                    End::Close(depth, line.end)
                } else {
                    End::Next(depth, line.end)
                },
            );
        }
        line_start = line.end;
    }
    (bytes.len(), End::Bytes)
}

/// Which open multipart a line belongs to, innermost first, and whether it closes it.
fn boundary_of(line: &[u8], open: &[Open]) -> Option<(usize, bool)> {
    let rest = line.strip_prefix(b"--")?.trim_ascii_end();
    let matching = |text: &[u8]| open.iter().rposition(|o| o.boundary == text);
    matching(rest)
        .map(|depth| (depth, false))
        .or_else(|| Some((matching(rest.strip_suffix(b"--")?)?, true)))
}

/// The line break before a boundary belongs to the boundary.
fn without_line_break(bytes: &[u8], start: usize, end: usize) -> usize {
    let body = bytes.get(start..end).unwrap_or_default();
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    let body = body.strip_suffix(b"\r").unwrap_or(body);
    start + body.len()
}

fn line_at(bytes: &[u8], start: usize) -> Range<usize> {
    let rest = bytes.get(start..).unwrap_or_default();
    let length = rest
        .iter()
        .position(|b| *b == b'\n')
        .map_or(rest.len(), |at| at + 1);
    start..start + length
}

fn trim_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
