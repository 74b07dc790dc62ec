//! Which elements are open: a small model of the specification's tree construction.
//!
//! It knows what closes what, and writes end tags itself, so that the tree builder behind it finds
//! markup that is already nested. Formatting elements that a block closed are opened again, as the
//! specification asks, but from a short list.

use crate::markup::escape_into;

use super::{MAX_ELEMENTS, MAX_NESTING};

/// The most formatting elements that are kept to be opened again.
const MAX_FORMATTING: usize = 64;
/// The length of the formatting list at which places that are gone are given up.
const MAX_LIST: usize = 1024;
/// The most end tags that close a formatting element around an open block. Each makes the tree
/// builder move nodes.
const MAX_CROSSINGS: usize = 256;

const FORMATTING: &[&str] = &[
    "a", "b", "big", "code", "em", "font", "i", "s", "small", "strike", "strong", "tt", "u",
];

/// Elements that stand in a line of text and are neither formatting nor void.
const INLINE: &[&str] = &[
    "abbr", "acronym", "bdi", "cite", "del", "dfn", "ins", "kbd", "mark", "q", "samp", "span",
    "sub", "sup", "time", "var",
];

const HEADINGS: &[&str] = &["h1", "h2", "h3", "h4", "h5", "h6"];

const VOID: &[&str] = &["br", "col", "hr", "img", "wbr"];

/// Nothing inside is closed from outside, except by the table's own tags.
const BARRIER: &[&str] = &["caption", "table", "td", "th"];

struct Open {
    name: &'static str,
    /// Its place in the formatting list.
    formatting: Option<usize>,
}

enum Formatting {
    /// A cell or caption: what is open outside is not opened again inside.
    Marker,
    Element {
        name: &'static str,
        attributes: String,
        open: bool,
    },
    /// Closed for good; kept so that places stay.
    Gone,
}

#[derive(Default)]
pub(super) struct Nest {
    pub(super) out: String,
    pub(super) elements: usize,
    pub(super) deepest: usize,
    pub(super) limited: bool,
    stack: Vec<Open>,
    formatting: Vec<Formatting>,
    /// Start tags that were left out, by name: their end tags are left out too.
    left_out: Vec<(&'static str, usize)>,
    crossings: usize,
    pre: Pre,
}

/// Where in the beginning of a `<pre>` the text is.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Pre {
    #[default]
    No,
    Fresh,
    Dropped,
}

impl Nest {
    pub(super) fn text(&mut self, text: &str) {
        let text = self.after_pre(text);
        if text.is_empty() {
            return;
        }
        let blank = text.bytes().all(|b| b.is_ascii_whitespace());
        if !blank {
            self.leave_table_gap();
            self.reopen_formatting();
        }
        if self.pre == Pre::Dropped && text.starts_with('\n') {
            // The tree builder drops one again.
            self.out.push('\n');
        }
        self.pre = Pre::No;
        escape_into(&mut self.out, text);
    }

    /// The line break right after `<pre>` is not part of the text.
    fn after_pre<'t>(&mut self, text: &'t str) -> &'t str {
        if self.pre != Pre::Fresh {
            return text;
        }
        self.pre = Pre::Dropped;
        text.strip_prefix('\n').unwrap_or(text)
    }

    /// `attributes` is ready to be written.
    pub(super) fn start(&mut self, name: &str, attributes: &str) {
        let Some(name) = known(name) else { return };
        if self.elements >= MAX_ELEMENTS {
            return self.leave_out(name);
        }
        match name {
            "col" | "colgroup" | "caption" | "tbody" | "thead" | "tfoot" | "tr" | "td" | "th" => {
                self.start_in_table(name, attributes);
            }
            _ => {
                self.leave_table_gap();
                self.start_in_body(name, attributes);
            }
        }
    }

    pub(super) fn end(&mut self, name: &str) {
        let Some(name) = known(name) else { return };
        if name == "br" {
            return self.start("br", "");
        }
        if VOID.contains(&name) {
            return;
        }
        if let Some(at) = self.left_out.iter().position(|(left, _)| *left == name)
            && let Some((_, count)) = self.left_out.get_mut(at)
        {
            *count -= 1;
            if *count == 0 {
                self.left_out.swap_remove(at);
            }
            return;
        }
        if FORMATTING.contains(&name) {
            return self.end_formatting(name);
        }
        let barrier: &[&str] = match name {
            "table" => &[],
            "caption" | "tbody" | "thead" | "tfoot" | "tr" | "td" | "th" | "colgroup" => &["table"],
            "li" => &["caption", "ol", "table", "td", "th", "ul"],
            _ => BARRIER,
        };
        if let Some(at) = self.find(name, barrier) {
            self.pop_to(at);
        }
    }

    pub(super) fn close_all(&mut self) {
        self.pop_to(0);
    }

    fn start_in_body(&mut self, name: &'static str, attributes: &str) {
        if FORMATTING.contains(&name) {
            return self.start_formatting(name, attributes);
        }
        let inline = INLINE.contains(&name) || matches!(name, "br" | "img" | "wbr");
        if inline {
            self.reopen_formatting();
        } else {
            self.close_implied(name);
        }
        self.open(name, attributes, None);
    }

    /// A paragraph ends where a block begins, a list item where the next one does.
    fn close_implied(&mut self, name: &str) {
        let siblings: &[&str] = match name {
            "li" => &["li"],
            "dd" | "dt" => &["dd", "dt"],
            _ => &[],
        };
        if !siblings.is_empty() {
            let found = self
                .stack
                .iter()
                .enumerate()
                .rev()
                .take_while(|(_, open)| {
                    siblings.contains(&open.name)
                        || !is_special(open.name)
                        || matches!(open.name, "address" | "div" | "p")
                })
                .find(|(_, open)| siblings.contains(&open.name))
                .map(|(at, _)| at);
            if let Some(at) = found {
                self.pop_to(at);
            }
        }
        if let Some(at) = self.find("p", BARRIER) {
            self.pop_to(at);
        }
        if HEADINGS.contains(&name) {
            // One heading inside of another would be read differently the next time.
            let outer = self
                .stack
                .iter()
                .enumerate()
                .rev()
                .take_while(|(_, open)| !BARRIER.contains(&open.name))
                .filter(|(_, open)| HEADINGS.contains(&open.name))
                .last()
                .map(|(at, _)| at);
            if let Some(at) = outer {
                self.pop_to(at);
            }
        }
    }

    fn start_formatting(&mut self, name: &'static str, attributes: &str) {
        if name == "a" {
            // A link inside a link ends the outer one.
            self.end_formatting(name);
        }
        self.reopen_formatting();
        let alive = self
            .formatting
            .iter()
            .filter(|f| matches!(f, Formatting::Element { .. }))
            .count();
        if alive >= MAX_FORMATTING || self.stack.len() >= MAX_NESTING {
            return self.leave_out(name);
        }
        let place = self.formatting.len();
        self.formatting.push(Formatting::Element {
            name,
            attributes: attributes.to_owned(),
            open: true,
        });
        self.open(name, attributes, Some(place));
    }

    fn end_formatting(&mut self, name: &str) {
        let found = self
            .formatting
            .iter()
            .enumerate()
            .rev()
            .take_while(|(_, f)| !matches!(f, Formatting::Marker))
            .find(|(_, f)| matches!(f, Formatting::Element { name: n, .. } if *n == name))
            .map(|(at, _)| at);
        let Some(place) = found else { return };
        let on_stack = self
            .stack
            .iter()
            .rposition(|open| open.formatting == Some(place));
        if let Some(at) = on_stack {
            let inside = self.stack.get(at + 1..).unwrap_or_default();
            if inside.iter().any(|open| BARRIER.contains(&open.name)) {
                return;
            }
            if inside.iter().any(|open| is_special(open.name)) {
                if self.crossings >= MAX_CROSSINGS {
                    self.limited = true;
                    return;
                }
                // Written as it is: the tree builder knows how to end it around the block.
                self.crossings += 1;
                self.write_end(name);
                self.stack.remove(at);
            } else {
                self.pop_to(at);
            }
        }
        if let Some(slot) = self.formatting.get_mut(place) {
            *slot = Formatting::Gone;
        }
        self.forget_gone();
    }

    /// Opens again what a block closed on its way.
    fn reopen_formatting(&mut self) {
        let from = self
            .formatting
            .iter()
            .rposition(|f| {
                matches!(
                    f,
                    Formatting::Marker | Formatting::Element { open: true, .. }
                )
            })
            .map_or(0, |at| at + 1);
        for place in from..self.formatting.len() {
            if self.stack.len() >= MAX_NESTING || self.elements >= MAX_ELEMENTS {
                self.limited = true;
                return;
            }
            let Some(Formatting::Element {
                name,
                attributes,
                open,
            }) = self.formatting.get_mut(place)
            else {
                continue;
            };
            *open = true;
            let (name, attributes) = (*name, attributes.clone());
            self.open(name, &attributes, Some(place));
        }
    }

    /// Text and boxes between the rows of a table get a cell of their own: outside of the table,
    /// where the specification puts them, each would be moved past all others.
    fn leave_table_gap(&mut self) {
        match self.stack.last().map(|open| open.name) {
            Some("table" | "tbody" | "thead" | "tfoot") => {
                self.open("tr", "", None);
                self.open_cell("td", "");
            }
            Some("tr") => self.open_cell("td", ""),
            Some("colgroup") => {
                if let Some(at) = self.find("colgroup", BARRIER) {
                    self.pop_to(at);
                }
                self.leave_table_gap();
            }
            _ => {}
        }
    }

    fn start_in_table(&mut self, name: &'static str, attributes: &str) {
        let Some(table) = self.find("table", &[]) else {
            // A row without a table is only its content.
            return;
        };
        let keep: &[&str] = match name {
            "td" | "th" => &["table", "tbody", "thead", "tfoot", "tr"],
            "tr" => &["table", "tbody", "thead", "tfoot"],
            "col" => &["table", "colgroup"],
            _ => &["table"],
        };
        let at = self
            .stack
            .iter()
            .rposition(|open| keep.contains(&open.name))
            .unwrap_or(table);
        self.pop_to(at + 1);
        match name {
            "td" | "th" => {
                if self.stack.last().is_some_and(|open| open.name != "tr") {
                    self.open("tr", "", None);
                }
                self.open_cell(name, attributes);
            }
            "caption" => self.open_cell(name, attributes),
            _ => {
                self.open(name, attributes, None);
            }
        }
    }

    fn open_cell(&mut self, name: &'static str, attributes: &str) {
        if self.open(name, attributes, None) {
            self.formatting.push(Formatting::Marker);
        }
    }

    /// Writes a start tag; `false` if a limit forbids it.
    fn open(&mut self, name: &'static str, attributes: &str, formatting: Option<usize>) -> bool {
        let void = VOID.contains(&name);
        if !void && self.stack.len() >= MAX_NESTING {
            self.leave_out(name);
            return false;
        }
        self.elements += 1;
        self.out.push('<');
        self.out.push_str(name);
        self.out.push_str(attributes);
        self.out.push('>');
        self.pre = if name == "pre" { Pre::Fresh } else { Pre::No };
        if !void {
            self.stack.push(Open { name, formatting });
            self.deepest = self.deepest.max(self.stack.len());
        }
        true
    }

    fn leave_out(&mut self, name: &'static str) {
        self.limited = true;
        if VOID.contains(&name) {
            return;
        }
        match self.left_out.iter_mut().find(|(left, _)| *left == name) {
            Some((_, count)) => *count += 1,
            None => self.left_out.push((name, 1)),
        }
    }

    fn pop_to(&mut self, length: usize) {
        while self.stack.len() > length {
            let Some(open) = self.stack.pop() else { return };
            self.write_end(open.name);
            if let Some(Formatting::Element { open, .. }) =
                open.formatting.and_then(|at| self.formatting.get_mut(at))
            {
                *open = false;
            }
            if matches!(open.name, "td" | "th" | "caption") {
                while let Some(entry) = self.formatting.pop() {
                    if matches!(entry, Formatting::Marker) {
                        break;
                    }
                }
            }
        }
    }

    fn write_end(&mut self, name: &str) {
        self.pre = Pre::No;
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    fn forget_gone(&mut self) {
        while matches!(self.formatting.last(), Some(Formatting::Gone)) {
            self.formatting.pop();
        }
        if self.formatting.len() < MAX_LIST {
            return;
        }
        // At most one marker for each open element and the living elements remain.
        let mut places = Vec::with_capacity(self.formatting.len());
        let mut next = 0;
        for entry in &self.formatting {
            places.push(next);
            next += usize::from(!matches!(entry, Formatting::Gone));
        }
        self.formatting.retain(|f| !matches!(f, Formatting::Gone));
        for open in &mut self.stack {
            open.formatting = open.formatting.and_then(|at| places.get(at).copied());
        }
    }

    /// The innermost open element of a name that no barrier hides.
    fn find(&self, name: &str, barrier: &[&str]) -> Option<usize> {
        self.stack
            .iter()
            .enumerate()
            .rev()
            .take_while(|(_, open)| open.name == name || !barrier.contains(&open.name))
            .find(|(_, open)| open.name == name)
            .map(|(at, _)| at)
    }
}

fn is_special(name: &str) -> bool {
    !FORMATTING.contains(&name) && !INLINE.contains(&name)
}

fn known(name: &str) -> Option<&'static str> {
    let elements = super::allow::ELEMENTS;
    elements
        .binary_search(&name)
        .ok()
        .and_then(|at| elements.get(at).copied())
}
